/* The network that learns, by hand: `stdp N K STEPS THREADS plain|fused`; THREADS must be 1.

   plain   ordinary loops over separate arrays of 8-byte elements, as a 1.1 program has them
   fused   a step is one pass over the state, then deliveries with depression of whole rows, then
           potentiation along an index of the incoming synapses that holds their sources

   Prints spikes=, sum_w_ppm=, build_ns=, sim_ns=. */
#include "model.h"

#define AHEAD 16 /* incoming synapses that are fetched before their turn */

struct incoming {
    uint32_t synapse, source;
};

static int steps;
static double potentiation, depression, most;

static double drive_of(size_t i) { return 16.0 + (double)i * (4.0 / (double)cells); }

static inline double clipped(double w) { return w < 0 ? 0 : w > most ? most : w; }

/* The synapses between exciting cells, of which the first `exciting * fan_out` are some. */
static void report_weights(const real *weight, const uint32_t *target)
{
    double sum = 0;
    for (size_t y = 0; y < exciting * fan_out; y++)
        if (target[y] < exciting)
            sum += weight[y];
    printf("sum_w_ppm=%.0f\n", sum * 1e6);
}

/* ---- Ordinary loops ---- */

static void simulate_plain(void)
{
    int64_t started = now_ns();
    size_t bytes = cells * 8, synapses = cells * fan_out;
    double *v = memory(bytes), *drive = memory(bytes), *s_exc = memory(bytes);
    double *s_inh = memory(bytes), *pre = memory(bytes), *post = memory(bytes);
    double *weight = memory(synapses * 8);
    uint64_t *resting = memory(bytes), *fired = memory(bytes), *target = memory(synapses * 8);
    uint64_t *row = memory(bytes + 8), *filled = memory(bytes), *incoming = memory(synapses * 8);
    for (size_t i = 0; i < cells; i++) {
        v[i] = V_REST;
        drive[i] = drive_of(i);
        for (size_t y = i * fan_out; y < (i + 1) * fan_out; y++) {
            target[y] = target_of(i, y - i * fan_out);
            weight[y] = weight_of(i, target[y]);
            if (i < exciting && target[y] < exciting)
                row[target[y] + 1]++;
        }
    }
    for (size_t i = 0; i < cells; i++)
        row[i + 1] += row[i];
    for (size_t y = 0; y < exciting * fan_out; y++)
        if (target[y] < exciting)
            incoming[row[target[y]] + filled[target[y]]++] = y;
    int64_t built = now_ns();
    size_t spikes = 0;
    for (int step = 0; step < steps; step++) {
        for (size_t i = 0; i < cells; i++) {
            s_exc[i] -= s_exc[i] * DT / TAU_E;
            s_inh[i] -= s_inh[i] * DT / TAU_I;
            pre[i] -= pre[i] * DT / TAU_TRACE;
            post[i] -= post[i] * DT / TAU_TRACE;
        }
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
                fired[count++] = i;
                pre[i] += 1;
                post[i] += 1;
            }
        }
        for (size_t f = 0; f < count; f++) {
            size_t i = fired[f];
            for (size_t y = i * fan_out; y < (i + 1) * fan_out; y++) {
                if (i >= exciting) {
                    s_inh[target[y]] += weight[y];
                    continue;
                }
                s_exc[target[y]] += weight[y];
                if (target[y] < exciting)
                    weight[y] = clipped(weight[y] + depression * post[target[y]]);
            }
        }
        for (size_t f = 0; f < count; f++)
            for (size_t q = row[fired[f]]; q < row[fired[f] + 1]; q++) {
                size_t y = incoming[q];
                weight[y] = clipped(weight[y] + potentiation * pre[y / fan_out]);
            }
        spikes += count;
    }
    report(spikes, started, built);
    double sum = 0;
    for (size_t y = 0; y < exciting * fan_out; y++)
        if (target[y] < exciting)
            sum += weight[y];
    printf("sum_w_ppm=%.0f\n", sum * 1e6);
}

/* ---- One pass over the state ---- */

static struct state state;
static uint32_t *target, *fired, *row;
static real *weight;
static struct incoming *incoming;

static void build(void)
{
    state.v = memory(cells * sizeof(real));
    state.drive = memory(cells * sizeof(real));
    state.s_exc = memory(cells * sizeof(real));
    state.s_inh = memory(cells * sizeof(real));
    state.trace_pre = memory(cells * sizeof(real));
    state.trace_post = memory(cells * sizeof(real));
    state.resting = memory(cells);
    target = memory(cells * fan_out * 4);
    weight = memory(cells * fan_out * sizeof(real));
    fired = memory(cells * 4);
    row = memory(cells * 4 + 4);
    incoming = memory(cells * fan_out * sizeof(struct incoming));
    uint32_t *filled = memory(cells * 4);
    for (size_t i = 0; i < cells; i++) {
        state.v[i] = V_REST;
        state.drive[i] = drive_of(i);
        for (size_t y = i * fan_out; y < (i + 1) * fan_out; y++) {
            target[y] = target_of(i, y - i * fan_out);
            weight[y] = weight_of(i, target[y]);
            if (i < exciting && target[y] < exciting)
                row[target[y] + 1]++;
        }
    }
    for (size_t i = 0; i < cells; i++)
        row[i + 1] += row[i];
    for (size_t y = 0; y < exciting * fan_out; y++)
        if (target[y] < exciting) {
            struct incoming entry = {y, y / fan_out};
            incoming[row[target[y]] + filled[target[y]]++] = entry;
        }
}

static inline void fetch_row(size_t i)
{
    for (size_t y = i * fan_out; y < (i + 1) * fan_out; y += LANES) {
        _mm_prefetch((char *)(weight + y), _MM_HINT_T0);
        _mm_prefetch((char *)(target + y), _MM_HINT_T0);
    }
}

/* Depress the synapses of a row whose targets excite, LANES at a time. */
static inline void depress_row(const uint32_t *targets, real *weights)
{
    const vector rate = V(set1)(depression), top = V(set1)(most), zero = V(setzero)();
    for (size_t k = 0; k < fan_out; k += LANES) {
        mask there = fan_out - k >= LANES ? (mask)-1 : (mask)((1u << (fan_out - k)) - 1);
#ifdef SINGLE
        __m512i to = _mm512_maskz_loadu_epi32(there, targets + k);
        there &= _mm512_cmplt_epu32_mask(to, _mm512_set1_epi32(exciting));
        vector trace = _mm512_mask_i32gather_ps(zero, there, to, state.trace_post, 4);
#else
        __m256i to = _mm256_maskz_loadu_epi32(there, targets + k);
        there &= _mm256_cmplt_epu32_mask(to, _mm256_set1_epi32(exciting));
        vector trace = _mm512_mask_i32gather_pd(zero, there, to, state.trace_post, 8);
#endif
        vector w = V(maskz_loadu)(there, weights + k);
        w = V(add)(w, V(mul)(rate, trace));
        V(mask_storeu)(weights + k, there, V(min)(V(max)(w, zero), top));
    }
}

static __attribute__((noinline)) void deliver(size_t count)
{
    for (size_t f = 0; f < count; f++) {
        size_t i = fired[f];
        const uint32_t *targets = target + i * fan_out;
        real *weights = weight + i * fan_out;
        real *conductance = i >= exciting ? state.s_inh : state.s_exc;
        if (f + 1 < count)
            fetch_row(fired[f + 1]);
        for (size_t k = 0; k < fan_out; k++)
            conductance[targets[k]] += weights[k];
        if (i < exciting)
            depress_row(targets, weights);
    }
}

static __attribute__((noinline)) void potentiate(size_t count)
{
    const real rate = potentiation, top = most, *trace = state.trace_pre;
    real *weights = weight;
    for (size_t f = 0; f < count; f++) {
        const struct incoming *entry = incoming + row[fired[f]];
        const struct incoming *end = incoming + row[fired[f] + 1];
        for (; entry < end; entry++) {
            if (entry + AHEAD < end) {
                _mm_prefetch((char *)(weights + entry[AHEAD].synapse), _MM_HINT_T0);
                _mm_prefetch((char *)(trace + entry[AHEAD].source), _MM_HINT_T0);
            }
            real w = weights[entry->synapse] + rate * trace[entry->source];
            w = w < 0 ? 0 : w;
            weights[entry->synapse] = w > top ? top : w;
        }
    }
}

static void simulate_fused(void)
{
    int64_t started = now_ns();
    build();
    int64_t built = now_ns();
    size_t spikes = 0;
    for (int step = 0; step < steps; step++) {
        size_t count = step_cells(state, 0, cells, fired);
        deliver(count);
        potentiate(count);
        spikes += count;
    }
    report(spikes, started, built);
    report_weights(weight, target);
}

int main(int count, char **words)
{
    if (count != 6 || atoi(words[4]) != 1) {
        fprintf(stderr, "usage: stdp N K STEPS 1 plain|fused\n");
        return 2;
    }
    cells = atol(words[1]);
    fan_out = atol(words[2]);
    steps = atoi(words[3]);
    exciting = cells * 8 / 10;
    weight_ee = 2.0 / fan_out;
    weight_ei = weight_ie = 3.0 / fan_out;
    potentiation = 0.06 / fan_out;
    depression = -0.063 / fan_out;
    most = 6.0 / fan_out;
    if (strcmp(words[5], "plain") == 0)
        simulate_plain();
    else
        simulate_fused();
    return 0;
}
