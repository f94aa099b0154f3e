"""What the C++ of kernels stands on: functions with exactly the meaning of an op, as text.

A helper names those it needs; only what a file uses gets into it. They stand in `HELPERS` in the
order in which they can be declared.
"""

from mlrift.values import value

PRELUDE = """#include <hip/hip_runtime.h>
#include <stdint.h>

#pragma clang fp contract(off)

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef unsigned long long u64;
typedef long long i64;
#define MLR_DEVICE static __device__ __attribute__((always_inline, unused))
#define MLR_LDS __attribute__((address_space(3)))
"""
GLOBAL_MEMORY = "#define MLR_MEMORY __attribute__((address_space(1)))\n"
ANY_MEMORY = "#define MLR_MEMORY  // private arrays are reached by the same instructions\n"


@value
class Helper:
    """A piece of C++ and the names of the pieces it needs."""

    name: str
    text: str
    needs: tuple[str, ...] = ()


def _access(name: str, held: str, element: str) -> tuple[Helper, ...]:
    """Return loads and stores of an element; `held` is the type of the value."""
    cast = f"({held})" if held != element else ""
    alias = Helper(f"type_{name}", f"typedef {element} mlr_{name} __attribute__((may_alias));\n")
    rows = [alias]
    for space, qualifier, pointer in (("", "MLR_MEMORY ", "u64"), ("lds_", "MLR_LDS ", "u32")):
        rows.append(
            Helper(
                f"{space}load_{name}",
                f"MLR_DEVICE {held} {space}load_{name}(u64 address) {{\n"
                f"    return {cast}*(const {qualifier}mlr_{name} *)({pointer})address;\n}}\n",
                (f"type_{name}",),
            )
        )
        rows.append(
            Helper(
                f"{space}store_{name}",
                f"MLR_DEVICE void {space}store_{name}(u64 address, {held} value) {{\n"
                f"    *({qualifier}mlr_{name} *)({pointer})address = ({element})value;\n}}\n",
                (f"type_{name}",),
            )
        )
    return tuple(rows)


def _volatile_access(name: str, held: str, element: str) -> tuple[Helper, Helper]:
    """Return a load with a full barrier behind it, and a store with one before."""
    pointer = f"volatile MLR_MEMORY mlr_{name} *"
    return (
        Helper(
            f"volatile_load_{name}",
            f"MLR_DEVICE {held} volatile_load_{name}(u64 address) {{\n"
            f"    {held} value = *({pointer})address;\n"
            "    __threadfence();\n    return value;\n}\n",
            (f"type_{name}",),
        ),
        Helper(
            f"volatile_store_{name}",
            f"MLR_DEVICE void volatile_store_{name}(u64 address, {held} value) {{\n"
            f"    __threadfence();\n    *({pointer})address = ({element})value;\n}}\n",
            (f"type_{name}",),
        ),
    )


def _atomic_update(name: str) -> Helper:
    return Helper(
        f"atomic_word_{name}",
        f"MLR_DEVICE u64 atomic_word_{name}(u64 address, u64 value) {{\n"
        f"    return __hip_atomic_fetch_{name}((u64 *)address, value, __ATOMIC_SEQ_CST,\n"
        "                                  __HIP_MEMORY_SCOPE_AGENT);\n}\n",
    )


def _atomic_add(name: str, held: str, element: str) -> Helper:
    return Helper(
        f"atomic_add_{name}",
        f"MLR_DEVICE {held} atomic_add_{name}(u64 address, {held} value) {{\n"
        f"    return __hip_atomic_fetch_add(({element} *)address, ({element})value,\n"
        "                                  __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_AGENT);\n}\n",
    )


def _exchange_if(name: str, element: str) -> Helper:
    return Helper(
        f"atomic_cas_{name}",
        f"MLR_DEVICE u64 atomic_cas_{name}(u64 address, u64 expected, u64 value) {{\n"
        f"    {element} old = ({element})expected;\n"
        f"    __hip_atomic_compare_exchange_strong(({element} *)address, &old, ({element})value,\n"
        "        __ATOMIC_RELAXED, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_AGENT);\n"
        "    return old;\n}\n",
    )


def _lds_add(name: str, element: str) -> Helper:
    return Helper(
        f"lds_add_{name}",
        f"MLR_DEVICE u64 lds_add_{name}(u64 address, u64 value) {{\n"
        f"    return __hip_atomic_fetch_add((MLR_LDS {element} *)(u32)address, ({element})value,\n"
        "                                  __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_WORKGROUP);\n}\n",
    )


_SHUFFLE = """MLR_DEVICE u32 mlr_shuffle(u32 value, u64 lane) {
    return (u32)__builtin_amdgcn_ds_bpermute((int)(lane & 31) * 4, (int)value);
}
MLR_DEVICE u64 mlr_shuffle(u64 value, u64 lane) {
    return mlr_shuffle((u32)value, lane) | (u64)mlr_shuffle((u32)(value >> 32), lane) << 32;
}
MLR_DEVICE float mlr_shuffle(float value, u64 lane) {
    return __builtin_bit_cast(float, mlr_shuffle(__builtin_bit_cast(u32, value), lane));
}
MLR_DEVICE double mlr_shuffle(double value, u64 lane) {
    return __builtin_bit_cast(double, mlr_shuffle(__builtin_bit_cast(u64, value), lane));
}
"""
_COMBINATIONS = """MLR_DEVICE u64 mlr_sum_of(u64 a, u64 b) { return a + b; }
MLR_DEVICE float mlr_sum_of(float a, float b) { return a + b; }
MLR_DEVICE double mlr_sum_of(double a, double b) { return a + b; }
MLR_DEVICE u64 mlr_max_of(u64 a, u64 b) { return a > b ? a : b; }
MLR_DEVICE float mlr_max_of(float a, float b) { return __builtin_fmaxf(a, b); }
MLR_DEVICE double mlr_max_of(double a, double b) { return __builtin_fmax(a, b); }
MLR_DEVICE u64 mlr_min_of(u64 a, u64 b) { return a < b ? a : b; }
MLR_DEVICE float mlr_min_of(float a, float b) { return __builtin_fminf(a, b); }
MLR_DEVICE double mlr_min_of(double a, double b) { return __builtin_fmin(a, b); }
template <typename T> struct mlr_limits;
template <> struct mlr_limits<u64> {
    static constexpr u64 sum = 0, max = 0, min = ~0ull;
};
template <> struct mlr_limits<float> {
    static constexpr float sum = 0, max = -__builtin_inff(), min = __builtin_inff();
};
template <> struct mlr_limits<double> {
    static constexpr double sum = 0, max = -__builtin_inf(), min = __builtin_inf();
};
"""


def _reductions(name: str) -> tuple[Helper, Helper]:
    """Return the combination over a wave and over a group."""
    wave = (
        f"template <typename T> MLR_DEVICE T mlr_wave_{name}(T value) {{\n"
        "    for (u64 distance = 16; distance > 0; distance /= 2)\n"
        f"        value = mlr_{name}_of(value, mlr_shuffle(value, mlr_lane() ^ distance));\n"
        "    return value;\n}\n"
    )
    group = (
        f"template <typename T> MLR_DEVICE T mlr_group_{name}(T value) {{\n"
        "    __shared__ T waves[32];\n"
        "    u32 item = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);\n"
        "    u32 items = blockDim.x * blockDim.y * blockDim.z;\n"
        "    u64 lane = mlr_lane();\n"
        "    for (u64 distance = 16; distance > 0; distance /= 2) {\n"
        "        T other = mlr_shuffle(value, lane ^ distance);\n"
        f"        if ((item ^ distance) >= items) other = mlr_limits<T>::{name};\n"
        f"        value = mlr_{name}_of(value, other);\n"
        "    }\n"
        "    __syncthreads();\n"
        "    if (lane == 0) waves[item / 32] = value;\n"
        "    __syncthreads();\n"
        "    T all[32];\n"
        "    for (u32 i = 0; i < 32; i++)\n"
        f"        all[i] = i < (items + 31) / 32 ? waves[i] : mlr_limits<T>::{name};\n"
        "    for (u32 distance = 16; distance > 0; distance /= 2)\n"
        "        for (u32 i = 0; i < distance; i++)\n"
        f"            all[i] = mlr_{name}_of(all[i], all[i + distance]);\n"
        "    return all[0];\n}\n"
    )
    needs = ("shuffle", "lane", "combinations")
    return (
        Helper(f"wave_{name}", wave, needs),
        Helper(f"group_{name}", group, needs),
    )


_MATRICES = """typedef float mlr_sum __attribute__((ext_vector_type(8)));
#if defined(__GFX12__)
#define MLR_FACTOR_LANES 8
#define MLR_ROW(i, lane) ((i) + 8 * ((lane) / 16))
#define MLR_PRODUCT(kind) __builtin_amdgcn_wmma_f32_16x16x16_##kind##_w32_gfx12
#else
#define MLR_FACTOR_LANES 16
#define MLR_ROW(i, lane) (2 * (i) + (lane) / 16)
#define MLR_PRODUCT(kind) __builtin_amdgcn_wmma_f32_16x16x16_##kind##_w32
#endif
typedef _Float16 mlr_factor_f16 __attribute__((ext_vector_type(MLR_FACTOR_LANES)));
typedef short mlr_factor_bf16 __attribute__((ext_vector_type(MLR_FACTOR_LANES)));
template <typename T> MLR_DEVICE T mlr_fragment_load(u64 address, u64 stride) {
    u64 lane = mlr_lane();
    u64 row = address + lane % 16 * stride;
    if (MLR_FACTOR_LANES == 8) row += lane / 16 * 16;
    T made;
    __builtin_memcpy(&made, (const void *)row, sizeof made);
    return made;
}
template <typename T> MLR_DEVICE T mlr_fragment_load_across(u64 address, u64 stride) {
    u64 lane = mlr_lane();
    u64 column = address + lane % 16 * 2;
    if (MLR_FACTOR_LANES == 8) column += lane / 16 * 8 * stride;
    T made;
    for (int i = 0; i < MLR_FACTOR_LANES; i++)
        __builtin_memcpy((char *)&made + 2 * i, (const void *)(column + i * stride), 2);
    return made;
}
MLR_DEVICE mlr_sum mlr_fragment_load_sum(u64 address, u64 stride) {
    u64 lane = mlr_lane();
    mlr_sum made;
    for (int i = 0; i < 8; i++)
        made[i] = *(const float *)(address + MLR_ROW(i, lane) * stride + lane % 16 * 4);
    return made;
}
MLR_DEVICE void mlr_fragment_store(u64 address, u64 stride, mlr_sum value) {
    u64 lane = mlr_lane();
    for (int i = 0; i < 8; i++)
        *(float *)(address + MLR_ROW(i, lane) * stride + lane % 16 * 4) = value[i];
}
#if defined(__GFX11__) || defined(__GFX12__)
MLR_DEVICE mlr_sum mlr_product(mlr_factor_f16 a, mlr_factor_f16 b, mlr_sum c) {
    return MLR_PRODUCT(f16)(a, b, c);
}
MLR_DEVICE mlr_sum mlr_product(mlr_factor_bf16 a, mlr_factor_bf16 b, mlr_sum c) {
    return MLR_PRODUCT(bf16)(a, b, c);
}
#elif defined(__HIP_DEVICE_COMPILE__)
#error "products of 16 x 16 tiles need gfx11 or gfx12"
#else
__device__ mlr_sum mlr_product(mlr_factor_f16 a, mlr_factor_f16 b, mlr_sum c);
__device__ mlr_sum mlr_product(mlr_factor_bf16 a, mlr_factor_bf16 b, mlr_sum c);
#endif
"""
_DIVISIONS = """MLR_DEVICE u64 mlr_udiv(u64 a, u64 b) { return b ? a / b : ~0ull; }
MLR_DEVICE u64 mlr_urem(u64 a, u64 b) { return b ? a % b : a; }
MLR_DEVICE u64 mlr_sdiv(u64 a, u64 b) {
    if (b == ~0ull) return 0 - a;
    return b ? (u64)((i64)a / (i64)b) : ~0ull;
}
MLR_DEVICE u64 mlr_srem(u64 a, u64 b) {
    if (b == ~0ull) return 0;
    return b ? (u64)((i64)a % (i64)b) : a;
}
"""
_FLOAT_TO_SIGNED = """MLR_DEVICE u64 mlr_float_to_signed(double value) {
    if (value != value) return 0;
    if (value >= 0x1p63) return ~0ull >> 1;
    return value < -0x1p63 ? 1ull << 63 : (u64)(i64)value;
}
"""
_DOT2 = """MLR_DEVICE float mlr_dot2_f16(u64 a, u64 b, float c) {
    typedef _Float16 pair __attribute__((ext_vector_type(2)));
    pair x = __builtin_bit_cast(pair, (u32)a), y = __builtin_bit_cast(pair, (u32)b);
    return __builtin_fmaf((float)x[0], (float)y[0], __builtin_fmaf((float)x[1], (float)y[1], c));
}
"""
_DOT4 = """MLR_DEVICE u64 mlr_dot4_i8(u64 a, u64 b, u64 c) {
    int32_t sum = (int32_t)c;
    for (int i = 0; i < 32; i += 8) sum += (int32_t)(int8_t)(a >> i) * (int8_t)(b >> i);
    return (u64)(i64)sum;
}
"""
_GRID_BARRIER = """MLR_DEVICE void mlr_grid_barrier(u64 counter, u64 phase, u64 groups) {
    u32 *arrived = (u32 *)counter;
    __threadfence();
    __syncthreads();
    if ((threadIdx.x | threadIdx.y | threadIdx.z) == 0) {
        __hip_atomic_fetch_add(arrived, 1u, __ATOMIC_RELEASE, __HIP_MEMORY_SCOPE_AGENT);
        u32 wanted = (u32)((phase + 1) * groups);
        while (__hip_atomic_load(arrived, __ATOMIC_ACQUIRE, __HIP_MEMORY_SCOPE_AGENT) < wanted)
            __builtin_amdgcn_s_sleep(1);
    }
    __syncthreads();
    __threadfence();
}
"""
_ATOMIC_WORDS = """MLR_DEVICE u64 atomic_word_load(u64 address) {
    return __hip_atomic_load((u64 *)address, __ATOMIC_SEQ_CST, __HIP_MEMORY_SCOPE_AGENT);
}
MLR_DEVICE void atomic_word_store(u64 address, u64 value) {
    __hip_atomic_store((u64 *)address, value, __ATOMIC_SEQ_CST, __HIP_MEMORY_SCOPE_AGENT);
}
MLR_DEVICE u64 atomic_word_swap(u64 address, u64 expected, u64 value) {
    return __hip_atomic_compare_exchange_strong((u64 *)address, &expected, value,
        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST, __HIP_MEMORY_SCOPE_AGENT);
}
"""
_LANE = """MLR_DEVICE u64 mlr_lane() {
    return __builtin_amdgcn_mbcnt_lo(~0u, 0u);
}
"""

HELPERS: dict[str, Helper] = {
    row.name: row
    for row in (
        *_access("u8", "u64", "u8"),
        *_access("u16", "u64", "u16"),
        *_access("u32", "u64", "u32"),
        *_access("u64", "u64", "u64"),
        *_access("f32", "float", "float"),
        *_access("f64", "double", "double"),
        *_volatile_access("u8", "u64", "u8"),
        *_volatile_access("u16", "u64", "u16"),
        *_volatile_access("u32", "u64", "u32"),
        *_volatile_access("u64", "u64", "u64"),
        *_volatile_access("f32", "float", "float"),
        *_volatile_access("f64", "double", "double"),
        Helper("atomic_words", _ATOMIC_WORDS),
        *(_atomic_update(name) for name in ("add", "sub", "and", "or", "xor")),
        _atomic_add("u32", "u64", "u32"),
        _atomic_add("u64", "u64", "u64"),
        _atomic_add("f32", "float", "float"),
        _atomic_add("f64", "double", "double"),
        _exchange_if("u32", "u32"),
        _exchange_if("u64", "u64"),
        _lds_add("u32", "u32"),
        _lds_add("u64", "u64"),
        Helper("lane", _LANE),
        Helper("shuffle", _SHUFFLE),
        Helper("combinations", _COMBINATIONS),
        *_reductions("sum"),
        *_reductions("max"),
        *_reductions("min"),
        Helper("matrices", _MATRICES, ("lane",)),
        Helper("divisions", _DIVISIONS),
        Helper("float_to_signed", _FLOAT_TO_SIGNED),
        Helper("dot2_f16", _DOT2),
        Helper("dot4_i8", _DOT4),
        Helper("grid_barrier", _GRID_BARRIER),
    )
}


def helper_text(wanted: set[str]) -> str:
    """Return the helpers of these names and those they need, in order."""
    needed: set[str] = set()
    waiting = list(wanted)
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += HELPERS[name].needs
    return "".join(row.text for row in HELPERS.values() if row.name in needed)
