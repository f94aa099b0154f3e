/* Calls everything that demo.mlr offers; the output is the same on every system. */
#include "libdemo.h"

#include <stdio.h>

int main(void)
{
    Point p = {1, 2.5, 9};
    Outer o = {{1, 2}, 0, 5};
    double v[3] = {1.5, 2.5, 3};
    uint64_t rest = 0, quotient;
    setvbuf(stdout, NULL, _IONBF, 0);
    printf("%d %d\n", add(-7, -3), add(INT32_MAX, 1));
    counter += 10;
    tick();
    rest = tick();
    printf("%d %d %g\n", (int)counter, (int)rest, ratio);
    move_point(&p, 0.25);
    printf("%u %g %d\n", p.x, p.y, p.tag);
    printf("%g\n", sum(v, 3));
    quotient = divide(17, 5, &rest);
    printf("%d %d %d %d\n", (int)quotient, (int)rest, is_odd(3), is_odd(4));
    printf("%g\n", nine(255, 65535, -4, 1.5f, 2.25, 1, -2, true, 'x', 7, -8, -9));
    hello((uint64_t)(uintptr_t)"world");
    outer(&o)->l = 6;
    printf("%u %u\n", o.k, o.l);
    fill();
    printf("%u %u %d %d\n", table[1], table[3], (int)pair.a, (int)pair.b);
    printf("%d %d %d %d %g %d\n", (int)heap(100), Color_BLUE, (int)LIMIT, (int)LOWEST, HALF,
           (int)sizeof(Point));
    return 0;
}
