/* The network that does not learn, by hand: `lif N K STEPS THREADS plain|fused|folded`.

   plain   ordinary loops over separate arrays of 8-byte elements, as a 1.1 program has them
   fused   a step is one pass over the state, and then the deliveries
   folded  as fused, with sorted rows and no weights in memory: they follow from the classes of the
           source and the target

   Prints spikes=, build_ns=, sim_ns=. With several threads each owns a block of the targets, so that
   every sum is taken in the same order and the spikes are the same. */
#include "model.h"
#include <omp.h>

#define MOST_THREADS 64
#define MOST_FAN_OUT 4096
#define SMALL_FAN_OUT 8 /* up to here rows are fetched ahead of their turn */

struct rows {
    uint32_t *target;
    real *weight;     /* 0: folded */
    uint32_t *split;  /* folded: how many targets of a row excite */
    uint32_t *bounds; /* several threads: where the owners' parts of a row begin */
    size_t fan_out, exciting;
    real weight_ee, weight_ei, weight_ie;
};

static int steps, threads;
static struct state state;
static struct rows rows;
static uint32_t *fired;
static size_t block; /* cells of a thread */
static size_t fired_count[MOST_THREADS];

static double drive_of(size_t i) { return 45.0 + (double)i * (20.0 / (double)cells); }

static void simulate_plain(void)
{
    int64_t started = now_ns();
    double *v = memory(cells * 8), *drive = memory(cells * 8), *s_exc = memory(cells * 8);
    double *s_inh = memory(cells * 8), *weights = memory(cells * fan_out * 8);
    uint64_t *resting = memory(cells * 8), *list = memory(cells * 8);
    uint64_t *targets = memory(cells * fan_out * 8);
    for (size_t i = 0; i < cells; i++) {
        v[i] = V_REST;
        drive[i] = drive_of(i);
        for (size_t k = 0; k < fan_out; k++) {
            targets[i * fan_out + k] = target_of(i, k);
            weights[i * fan_out + k] = weight_of(i, target_of(i, k));
        }
    }
    int64_t built = now_ns();
    size_t spikes = 0;
    for (int step = 0; step < steps; step++) {
        for (size_t i = 0; i < cells; i++)
            s_exc[i] -= s_exc[i] * (DT / TAU_E);
        for (size_t i = 0; i < cells; i++)
            s_inh[i] -= s_inh[i] * (DT / TAU_I);
        size_t count = 0;
        for (size_t i = 0; i < cells; i++) {
            if (resting[i] > 0) {
                resting[i]--;
                v[i] = V_RESET;
                continue;
            }
            v[i] += DT * (V_REST - v[i] + (drive[i] + s_exc[i] - s_inh[i])) / TAU_M;
            if (v[i] >= V_THRESHOLD) {
                v[i] = V_RESET;
                resting[i] = RESTING_STEPS;
                list[count++] = i;
            }
        }
        for (size_t f = 0; f < count; f++) {
            double *conductance = list[f] >= exciting ? s_inh : s_exc;
            for (size_t y = list[f] * fan_out; y < (list[f] + 1) * fan_out; y++)
                conductance[targets[y]] += weights[y];
        }
        spikes += count;
    }
    report(spikes, started, built);
}

/* A row in the order of the threads that own its targets; each part in the order drawn. */
static void order_by_owner(size_t i)
{
    uint32_t parts[MOST_FAN_OUT], *row = rows.target + i * fan_out;
    size_t filled = 0;
    for (int owner = 0; owner < threads; owner++) {
        rows.bounds[i * (threads + 1) + owner] = filled;
        for (size_t k = 0; k < fan_out; k++)
            if (row[k] / block == (size_t)owner)
                parts[filled++] = row[k];
    }
    rows.bounds[i * (threads + 1) + threads] = filled;
    memcpy(row, parts, fan_out * 4);
}

static void sort_row(size_t i)
{
    uint32_t *row = rows.target + i * fan_out;
    for (size_t a = 1; a < fan_out; a++) {
        uint32_t x = row[a];
        size_t b = a;
        for (; b && row[b - 1] > x; b--)
            row[b] = row[b - 1];
        row[b] = x;
    }
    while (rows.split[i] < fan_out && row[rows.split[i]] < exciting)
        rows.split[i]++;
}

static void build(int folded)
{
    state.v = memory(cells * sizeof(real));
    state.drive = memory(cells * sizeof(real));
    state.s_exc = memory(cells * sizeof(real));
    state.s_inh = memory(cells * sizeof(real));
    state.resting = memory(cells);
    fired = memory(threads * (block + LANES) * 4);
    rows.target = memory(cells * fan_out * 4);
    rows.weight = folded ? 0 : memory(cells * fan_out * sizeof(real));
    rows.split = folded ? memory(cells * 4) : 0;
    rows.bounds = threads > 1 ? memory(cells * (threads + 1) * 4) : 0;
    rows.fan_out = fan_out;
    rows.exciting = exciting;
    rows.weight_ee = weight_ee;
    rows.weight_ei = weight_ei;
    rows.weight_ie = weight_ie;
    for (size_t i = 0; i < cells; i++) {
        state.v[i] = V_REST;
        state.drive[i] = drive_of(i);
        for (size_t k = 0; k < fan_out; k++)
            rows.target[i * fan_out + k] = target_of(i, k);
        if (folded)
            sort_row(i);
        if (threads > 1)
            order_by_owner(i);
        for (size_t y = i * fan_out; rows.weight && y < (i + 1) * fan_out; y++)
            rows.weight[y] = weight_of(i, rows.target[y]);
    }
}

/* Fetch what the deliveries of two later spikes need. */
static inline void fetch_ahead(
    const struct state s, const struct rows r, const uint32_t *list, size_t f, size_t count)
{
    if (f + 8 < count) {
        size_t row = list[f + 8] * r.fan_out;
        _mm_prefetch((char *)(r.target + row), _MM_HINT_T0);
        if (r.weight)
            _mm_prefetch((char *)(r.weight + row), _MM_HINT_T0);
    }
    if (f + 4 < count) {
        size_t i = list[f + 4];
        real *conductance = i >= r.exciting ? s.s_inh : s.s_exc;
        for (size_t k = 0; k < r.fan_out; k++)
            _mm_prefetch((char *)(conductance + r.target[i * r.fan_out + k]), _MM_HINT_T0);
    }
}

/* Hand a cell's spike to the targets [first, end) of its row. */
static inline void deliver(
    const struct state s, const struct rows r, size_t i, size_t first, size_t end)
{
    const uint32_t *row = r.target + i * r.fan_out;
    real *conductance = i >= r.exciting ? s.s_inh : s.s_exc;
    if (r.weight) {
        const real *w = r.weight + i * r.fan_out;
        for (size_t k = first; k < end; k++)
            conductance[row[k]] += w[k];
        return;
    }
    size_t middle = r.split[i] < first ? first : r.split[i] > end ? end : r.split[i];
    real onto_exciting = i >= r.exciting ? r.weight_ie : r.weight_ee;
    real onto_inhibiting = i >= r.exciting ? r.weight_ie : r.weight_ei;
    for (size_t k = first; k < middle; k++)
        conductance[row[k]] += onto_exciting;
    for (size_t k = middle; k < end; k++)
        conductance[row[k]] += onto_inhibiting;
}

/* Deliver a list of spikes to the targets that a thread owns. */
static __attribute__((noinline)) void deliver_list(int own, const uint32_t *list, size_t count)
{
    const struct state s = state;
    const struct rows r = rows;
    for (size_t f = 0; f < count; f++) {
        size_t i = list[f], first = 0, end = r.fan_out;
        if (r.bounds) {
            first = r.bounds[i * (threads + 1) + own];
            end = r.bounds[i * (threads + 1) + own + 1];
        }
        if (r.fan_out <= SMALL_FAN_OUT)
            fetch_ahead(s, r, list, f, count);
        deliver(s, r, i, first, end);
    }
}

static size_t simulate_block(int own)
{
    size_t first = own * block < cells ? own * block : cells;
    size_t end = first + block < cells ? first + block : cells;
    size_t spikes = 0;
    for (int step = 0; step < steps; step++) {
        fired_count[own] = step_cells(state, first, end, fired + own * (block + LANES));
        spikes += fired_count[own];
#pragma omp barrier
        for (int from = 0; from < threads; from++)
            deliver_list(own, fired + from * (block + LANES), fired_count[from]);
#pragma omp barrier
    }
    return spikes;
}

static void simulate_fused(int folded)
{
    block = ((cells + threads - 1) / threads + 63) & ~63ull;
    omp_set_num_threads(threads);
    int64_t started = now_ns();
    build(folded);
    int64_t built = now_ns();
    size_t spikes = 0;
#pragma omp parallel reduction(+ : spikes)
    spikes += simulate_block(omp_get_thread_num());
    report(spikes, started, built);
}

int main(int count, char **words)
{
    if (count != 6) {
        fprintf(stderr, "usage: lif N K STEPS THREADS plain|fused|folded\n");
        return 2;
    }
    cells = atol(words[1]);
    fan_out = atol(words[2]);
    steps = atoi(words[3]);
    threads = atoi(words[4]);
    if (fan_out > MOST_FAN_OUT || threads < 1 || threads > MOST_THREADS) {
        fprintf(stderr, "lif: at most %d targets, 1 to %d threads\n", MOST_FAN_OUT, MOST_THREADS);
        return 2;
    }
    double scale = 4.0 / fan_out;
    exciting = cells * 8 / 10;
    weight_ee = 0.2 * scale;
    weight_ei = weight_ie = 0.3 * scale;
    if (strcmp(words[5], "plain") == 0)
        simulate_plain();
    else
        simulate_fused(strcmp(words[5], "folded") == 0);
    return 0;
}
