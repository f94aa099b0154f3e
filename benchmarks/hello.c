/* What examples/hello.mlr does, for comparison of compile times and sizes. */
#include <stdio.h>

int main(void) {
    puts("hello, world");
    return 0;
}
