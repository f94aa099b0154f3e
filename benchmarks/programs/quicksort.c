/* Quicksort of pseudo-random numbers, insertion sort below 16 elements. */
#include <inttypes.h>
#include <stdio.h>

#define COUNT 6000000

static uint64_t numbers[COUNT];

static void insertion_sort(uint64_t low, uint64_t high) {
    for (uint64_t i = low + 1; i < high; i++) {
        uint64_t moving = numbers[i];
        uint64_t j = i;
        while (j > low && numbers[j - 1] > moving) {
            numbers[j] = numbers[j - 1];
            j--;
        }
        numbers[j] = moving;
    }
}

static void swap(uint64_t i, uint64_t j) {
    uint64_t held = numbers[i];
    numbers[i] = numbers[j];
    numbers[j] = held;
}

/* The middle one of three goes to the middle, and is the pivot. */
static void order_three(uint64_t low, uint64_t middle, uint64_t last) {
    if (numbers[middle] < numbers[low]) swap(middle, low);
    if (numbers[last] < numbers[low]) swap(last, low);
    if (numbers[last] < numbers[middle]) swap(last, middle);
}

/* Sort [low, high). */
static void quicksort(uint64_t low, uint64_t high) {
    while (high - low > 16) {
        uint64_t middle = low + (high - low) / 2;
        order_three(low, middle, high - 1);
        uint64_t pivot = numbers[middle];
        uint64_t i = low;
        uint64_t j = high - 1;
        while (i <= j) {
            while (numbers[i] < pivot) i++;
            while (numbers[j] > pivot) j--;
            if (i <= j) {
                swap(i, j);
                i++;
                j--;
            }
        }
        quicksort(low, j + 1);
        low = i;
    }
    insertion_sort(low, high);
}

int main(void) {
    uint64_t state = 1;
    for (uint64_t i = 0; i < COUNT; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        numbers[i] = state >> 20;
    }
    quicksort(0, COUNT);
    uint64_t checksum = 0;
    for (uint64_t i = 1; i < COUNT; i++) {
        if (numbers[i - 1] > numbers[i]) puts("not sorted");
        checksum = checksum * 31 + numbers[i];
    }
    printf("%" PRIu64 "\n", checksum);
    return 0;
}
