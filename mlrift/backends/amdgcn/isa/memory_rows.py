"""Memory instructions: SMEM, DS, FLAT with GLOBAL and SCRATCH, and cache control.

A line is an operation: its name (gfx11's, or gfx12's for what gfx11 lacks), its opcode on gfx10.3,
gfx11 and gfx12 in hexadecimal (`-` where it is missing, `=name` where the mnemonic differs), its
operands in the order of the assembler's text, and flags. `rows.py` says how they are read.

Sources: AMD's instruction set manuals of RDNA 2, 3 and 4, chapters "Scalar memory", "Data share",
"Flat memory". The last column says what the instruction does and the bytes of a lane that it moves:
`load`, `store`, `atomic`, `returning` (an atomic that returns the old value), `lanes` (exchange
without memory), `cache`, `clock`. DS fields are `d` vdst, `a` addr, `x` data0 and `y` data1.

`ds_cmpst` (gfx10.3: the value compared, then the new one) and `ds_cmpstore` (later: the new one
first) are different operations. A DS line that ends in `pair` has two 8-bit offsets in units of an
element. A FLAT line lists the segments (flat, global, scratch, buffer) and stands for `global_` and
so on, an atomic for two operations: without result, and `..._rtn` with the old value as first
operand.
"""

SMEM = """
s_load_b32         00=s_load_dword           00 00 | sdst:b32 sbase:a soffset  | load 4
s_load_b64         01=s_load_dwordx2         01 01 | sdst:b64 sbase:a soffset  | load 8
s_load_b96         -                         -  05 | sdst:b96 sbase:a soffset  | load 12
s_load_b128        02=s_load_dwordx4         02 02 | sdst:b128 sbase:a soffset | load 16
s_load_b256        03=s_load_dwordx8         03 03 | sdst:b256 sbase:a soffset | load 32
s_load_b512        04=s_load_dwordx16        04 04 | sdst:b512 sbase:a soffset | load 64
s_load_i8          -                         -  08 | sdst:i32 sbase:a soffset  | load 1
s_load_u8          -                         -  09 | sdst:u32 sbase:a soffset  | load 1
s_load_i16         -                         -  0a | sdst:i32 sbase:a soffset  | load 2
s_load_u16         -                         -  0b | sdst:u32 sbase:a soffset  | load 2
s_buffer_load_b32  08=s_buffer_load_dword    08 10 | sdst:b32 sbase:q soffset  | load 4
s_buffer_load_b64  09=s_buffer_load_dwordx2  09 11 | sdst:b64 sbase:q soffset  | load 8
s_buffer_load_b96  -                         -  15 | sdst:b96 sbase:q soffset  | load 12
s_buffer_load_b128 0a=s_buffer_load_dwordx4  0a 12 | sdst:b128 sbase:q soffset | load 16
s_buffer_load_b256 0b=s_buffer_load_dwordx8  0b 13 | sdst:b256 sbase:q soffset | load 32
s_buffer_load_b512 0c=s_buffer_load_dwordx16 0c 14 | sdst:b512 sbase:q soffset | load 64
s_buffer_load_i8   -                         -  18 | sdst:i32 sbase:q soffset  | load 1
s_buffer_load_u8   -                         -  19 | sdst:u32 sbase:q soffset  | load 1
s_buffer_load_i16  -                         -  1a | sdst:i32 sbase:q soffset  | load 2
s_buffer_load_u16  -                         -  1b | sdst:u32 sbase:q soffset  | load 2
s_gl1_inv          1f                        20 -  |                           | cache 0
s_dcache_inv       20                        21 21 |                           | cache 0
s_memtime          24                        -  -  | sdst:u64                  | clock 0
s_memrealtime      25                        -  -  | sdst:u64                  | clock 0
"""

DS = """
ds_add_u32                          00 00 00 | a x:u32               | atomic 4
ds_sub_u32                          01 01 01 | a x:u32               | atomic 4
ds_rsub_u32                         02 02 02 | a x:u32               | atomic 4
ds_inc_u32                          03 03 03 | a x:u32               | atomic 4
ds_dec_u32                          04 04 04 | a x:u32               | atomic 4
ds_min_i32                          05 05 05 | a x:i32               | atomic 4
ds_max_i32                          06 06 06 | a x:i32               | atomic 4
ds_min_u32                          07 07 07 | a x:u32               | atomic 4
ds_max_u32                          08 08 08 | a x:u32               | atomic 4
ds_and_b32                          09 09 09 | a x:b32               | atomic 4
ds_or_b32                           0a 0a 0a | a x:b32               | atomic 4
ds_xor_b32                          0b 0b 0b | a x:b32               | atomic 4
ds_mskor_b32                        0c 0c 0c | a x:b32 y:b32         | atomic 4
ds_store_b32                        0d 0d 0d | a x:b32               | store 4
ds_store_2addr_b32                  0e 0e 0e | a x:b32 y:b32         | store 8 pair
ds_store_2addr_stride64_b32         0f 0f 0f | a x:b32 y:b32         | store 8 pair
ds_cmpst_b32                        10 -  -  | a x:b32 y:b32         | atomic 4
ds_cmpstore_b32                     -  10 10 | a x:b32 y:b32         | atomic 4
ds_cmpst_f32                        11 -  -  | a x:f32 y:f32         | atomic 4
ds_cmpstore_f32                     -  11 -  | a x:f32 y:f32         | atomic 4
ds_min_f32                          12 12 12 | a x:f32               | atomic 4
ds_max_f32                          13 13 13 | a x:f32               | atomic 4
ds_add_f32                          15 15 15 | a x:f32               | atomic 4
ds_store_b8                         1e 1e 1e | a x:b32               | store 1
ds_store_b16                        1f 1f 1f | a x:b32               | store 2
ds_add_rtn_u32                      20 20 20 | d:u32 a x:u32         | returning 4
ds_sub_rtn_u32                      21 21 21 | d:u32 a x:u32         | returning 4
ds_rsub_rtn_u32                     22 22 22 | d:u32 a x:u32         | returning 4
ds_inc_rtn_u32                      23 23 23 | d:u32 a x:u32         | returning 4
ds_dec_rtn_u32                      24 24 24 | d:u32 a x:u32         | returning 4
ds_min_rtn_i32                      25 25 25 | d:i32 a x:i32         | returning 4
ds_max_rtn_i32                      26 26 26 | d:i32 a x:i32         | returning 4
ds_min_rtn_u32                      27 27 27 | d:u32 a x:u32         | returning 4
ds_max_rtn_u32                      28 28 28 | d:u32 a x:u32         | returning 4
ds_and_rtn_b32                      29 29 29 | d:b32 a x:b32         | returning 4
ds_or_rtn_b32                       2a 2a 2a | d:b32 a x:b32         | returning 4
ds_xor_rtn_b32                      2b 2b 2b | d:b32 a x:b32         | returning 4
ds_mskor_rtn_b32                    2c 2c 2c | d:b32 a x:b32 y:b32   | returning 4
ds_storexchg_rtn_b32                2d 2d 2d | d:b32 a x:b32         | returning 4
ds_storexchg_2addr_rtn_b32          2e 2e 2e | d:b32*2 a x:b32 y:b32 | returning 8 pair
ds_storexchg_2addr_stride64_rtn_b32 2f 2f 2f | d:b32*2 a x:b32 y:b32 | returning 8 pair
ds_cmpst_rtn_b32                    30 -  -  | d:b32 a x:b32 y:b32   | returning 4
ds_cmpstore_rtn_b32                 -  30 30 | d:b32 a x:b32 y:b32   | returning 4
ds_cmpst_rtn_f32                    31 -  -  | d:f32 a x:f32 y:f32   | returning 4
ds_cmpstore_rtn_f32                 -  31 -  | d:f32 a x:f32 y:f32   | returning 4
ds_min_rtn_f32                      32 32 32 | d:f32 a x:f32         | returning 4
ds_max_rtn_f32                      33 33 33 | d:f32 a x:f32         | returning 4
ds_wrap_rtn_b32                     34 34 -  | d:b32 a x:b32 y:b32   | returning 4
ds_swizzle_b32                      35 35 35 | d:b32 a               | lanes 0
ds_load_b32                         36 36 36 | d:b32 a               | load 4
ds_load_2addr_b32                   37 37 37 | d:b32*2 a             | load 8 pair
ds_load_2addr_stride64_b32          38 38 38 | d:b32*2 a             | load 8 pair
ds_load_i8                          39 39 39 | d:i32 a               | load 1
ds_load_u8                          3a 3a 3a | d:u32 a               | load 1
ds_load_i16                         3b 3b 3b | d:i32 a               | load 2
ds_load_u16                         3c 3c 3c | d:u32 a               | load 2
ds_consume                          3d 3d 3d | d:b32                 | returning 4
ds_append                           3e 3e 3e | d:b32                 | returning 4
ds_add_u64                          40 40 40 | a x:u64               | atomic 8
ds_sub_u64                          41 41 41 | a x:u64               | atomic 8
ds_rsub_u64                         42 42 42 | a x:u64               | atomic 8
ds_inc_u64                          43 43 43 | a x:u64               | atomic 8
ds_dec_u64                          44 44 44 | a x:u64               | atomic 8
ds_min_i64                          45 45 45 | a x:i64               | atomic 8
ds_max_i64                          46 46 46 | a x:i64               | atomic 8
ds_min_u64                          47 47 47 | a x:u64               | atomic 8
ds_max_u64                          48 48 48 | a x:u64               | atomic 8
ds_and_b64                          49 49 49 | a x:b64               | atomic 8
ds_or_b64                           4a 4a 4a | a x:b64               | atomic 8
ds_xor_b64                          4b 4b 4b | a x:b64               | atomic 8
ds_mskor_b64                        4c 4c 4c | a x:b64 y:b64         | atomic 8
ds_store_b64                        4d 4d 4d | a x:b64               | store 8
ds_store_2addr_b64                  4e 4e 4e | a x:b64 y:b64         | store 16 pair
ds_store_2addr_stride64_b64         4f 4f 4f | a x:b64 y:b64         | store 16 pair
ds_cmpst_b64                        50 -  -  | a x:b64 y:b64         | atomic 8
ds_cmpstore_b64                     -  50 50 | a x:b64 y:b64         | atomic 8
ds_cmpst_f64                        51 -  -  | a x:f64 y:f64         | atomic 8
ds_cmpstore_f64                     -  51 -  | a x:f64 y:f64         | atomic 8
ds_min_f64                          52 52 52 | a x:f64               | atomic 8
ds_max_f64                          53 53 53 | a x:f64               | atomic 8
ds_add_rtn_u64                      60 60 60 | d:u64 a x:u64         | returning 8
ds_sub_rtn_u64                      61 61 61 | d:u64 a x:u64         | returning 8
ds_rsub_rtn_u64                     62 62 62 | d:u64 a x:u64         | returning 8
ds_inc_rtn_u64                      63 63 63 | d:u64 a x:u64         | returning 8
ds_dec_rtn_u64                      64 64 64 | d:u64 a x:u64         | returning 8
ds_min_rtn_i64                      65 65 65 | d:i64 a x:i64         | returning 8
ds_max_rtn_i64                      66 66 66 | d:i64 a x:i64         | returning 8
ds_min_rtn_u64                      67 67 67 | d:u64 a x:u64         | returning 8
ds_max_rtn_u64                      68 68 68 | d:u64 a x:u64         | returning 8
ds_and_rtn_b64                      69 69 69 | d:b64 a x:b64         | returning 8
ds_or_rtn_b64                       6a 6a 6a | d:b64 a x:b64         | returning 8
ds_xor_rtn_b64                      6b 6b 6b | d:b64 a x:b64         | returning 8
ds_mskor_rtn_b64                    6c 6c 6c | d:b64 a x:b64 y:b64   | returning 8
ds_storexchg_rtn_b64                6d 6d 6d | d:b64 a x:b64         | returning 8
ds_storexchg_2addr_rtn_b64          6e 6e 6e | d:b64*4 a x:b64 y:b64 | returning 16 pair
ds_storexchg_2addr_stride64_rtn_b64 6f 6f 6f | d:b64*4 a x:b64 y:b64 | returning 16 pair
ds_cmpst_rtn_b64                    70 -  -  | d:b64 a x:b64 y:b64   | returning 8
ds_cmpstore_rtn_b64                 -  70 70 | d:b64 a x:b64 y:b64   | returning 8
ds_cmpst_rtn_f64                    71 -  -  | d:f64 a x:f64 y:f64   | returning 8
ds_cmpstore_rtn_f64                 -  71 -  | d:f64 a x:f64 y:f64   | returning 8
ds_min_rtn_f64                      72 72 72 | d:f64 a x:f64         | returning 8
ds_max_rtn_f64                      73 73 73 | d:f64 a x:f64         | returning 8
ds_load_b64                         76 76 76 | d:b64 a               | load 8
ds_load_2addr_b64                   77 77 77 | d:b64*4 a             | load 16 pair
ds_load_2addr_stride64_b64          78 78 78 | d:b64*4 a             | load 16 pair
ds_add_rtn_f32                      55 79 79 | d:f32 a x:f32         | returning 4
ds_condxchg32_rtn_b64               7e 7e 7e | d:b64 a x:b64         | returning 8
ds_cond_sub_u32                     -  -  98 | a x:u32               | atomic 4
ds_sub_clamp_u32                    -  -  99 | a x:u32               | atomic 4
ds_pk_add_f16                       -  -  9a | a x:pf16              | atomic 4
ds_pk_add_bf16                      -  -  9b | a x:pbf16             | atomic 4
ds_store_b8_d16_hi                  a0 a0 a0 | a x:b32               | store 1
ds_store_b16_d16_hi                 a1 a1 a1 | a x:b32               | store 2
ds_load_u8_d16                      a2 a2 a2 | d:+b32 a              | load 1
ds_load_u8_d16_hi                   a3 a3 a3 | d:+b32 a              | load 1
ds_load_i8_d16                      a4 a4 a4 | d:+b32 a              | load 1
ds_load_i8_d16_hi                   a5 a5 a5 | d:+b32 a              | load 1
ds_load_u16_d16                     a6 a6 a6 | d:+b32 a              | load 2
ds_load_u16_d16_hi                  a7 a7 a7 | d:+b32 a              | load 2
ds_cond_sub_rtn_u32                 -  -  a8 | d:u32 a x:u32         | returning 4
ds_sub_clamp_rtn_u32                -  -  a9 | d:u32 a x:u32         | returning 4
ds_pk_add_rtn_f16                   -  -  aa | d:pf16 a x:pf16       | returning 4
ds_pk_add_rtn_bf16                  -  -  ab | d:pbf16 a x:pbf16     | returning 4
ds_load_addtid_b32                  b1 b1 b1 | d:b32                 | load 4
ds_permute_b32                      b2 b2 b2 | d:b32 a x:b32         | lanes 0
ds_bpermute_b32                     b3 b3 b3 | d:b32 a x:b32         | lanes 0
ds_bpermute_fi_b32                  -  -  cd | d:b32 a x:b32         | lanes 0
ds_store_b96                        de de de | a x:b96               | store 12
ds_store_b128                       df df df | a x:b128              | store 16
ds_load_b96                         fe fe fe | d:b96 a               | load 12
ds_load_b128                        ff ff ff | d:b128 a              | load 16
"""

FLAT = """
load_u8              08=load_ubyte         10 10                    | load u32 1     | fgsb
load_i8              09=load_sbyte         11 11                    | load i32 1     | fgsb
load_u16             0a=load_ushort        12 12                    | load u32 2     | fgsb
load_i16             0b=load_sshort        13 13                    | load i32 2     | fgsb
load_b32             0c=load_dword         14 14                    | load b32 4     | fgsb
load_b64             0d=load_dwordx2       15 15                    | load b64 8     | fgsb
load_b96             0f=load_dwordx3       16 16                    | load b96 12    | fgsb
load_b128            0e=load_dwordx4       17 17                    | load b128 16   | fgsb
store_b8             18=store_byte         18 18                    | store b32 1    | fgsb
store_b16            1a=store_short        19 19                    | store b32 2    | fgsb
store_b32            1c=store_dword        1a 1a                    | store b32 4    | fgsb
store_b64            1d=store_dwordx2      1b 1b                    | store b64 8    | fgsb
store_b96            1f=store_dwordx3      1c 1c                    | store b96 12   | fgsb
store_b128           1e=store_dwordx4      1d 1d                    | store b128 16  | fgsb
load_d16_u8          20=load_ubyte_d16     1e 1e                    | load +b32 1    | fgsb
load_d16_i8          22=load_sbyte_d16     1f 1f                    | load +b32 1    | fgsb
load_d16_b16         24=load_short_d16     20 20                    | load +b32 2    | fgsb
load_d16_hi_u8       21=load_ubyte_d16_hi  21 21                    | load +b32 1    | fgsb
load_d16_hi_i8       23=load_sbyte_d16_hi  22 22                    | load +b32 1    | fgsb
load_d16_hi_b16      25=load_short_d16_hi  23 23                    | load +b32 2    | fgsb
store_d16_hi_b8      19=store_byte_d16_hi  24 24                    | store b32 1    | fgsb
store_d16_hi_b16     1b=store_short_d16_hi 25 25                    | store b32 2    | fgsb
load_addtid_b32      16=load_dword_addtid  28 28                    | load b32 4     | g
store_addtid_b32     17=store_dword_addtid 29 29                    | store b32 4    | g
atomic_swap_b32      30=atomic_swap        33 33                    | atomic b32 4   | fg
atomic_cmpswap_b32   31=atomic_cmpswap     34 34                    | atomic b32 4   | fg
atomic_add_u32       32=atomic_add         35 35                    | atomic u32 4   | fg
atomic_sub_u32       33=atomic_sub         36 36                    | atomic u32 4   | fg
atomic_csub_u32      34=atomic_csub        37 -                     | atomic u32 4   | g
atomic_sub_clamp_u32 -                     -  37                    | atomic u32 4   | fg
atomic_min_i32       35=atomic_smin        38 38                    | atomic i32 4   | fg
atomic_min_u32       36=atomic_umin        39 39                    | atomic u32 4   | fg
atomic_max_i32       37=atomic_smax        3a 3a                    | atomic i32 4   | fg
atomic_max_u32       38=atomic_umax        3b 3b                    | atomic u32 4   | fg
atomic_and_b32       39=atomic_and         3c 3c                    | atomic b32 4   | fg
atomic_or_b32        3a=atomic_or          3d 3d                    | atomic b32 4   | fg
atomic_xor_b32       3b=atomic_xor         3e 3e                    | atomic b32 4   | fg
atomic_inc_u32       3c=atomic_inc         3f 3f                    | atomic u32 4   | fg
atomic_dec_u32       3d=atomic_dec         40 40                    | atomic u32 4   | fg
atomic_swap_b64      50=atomic_swap_x2     41 41                    | atomic b64 8   | fg
atomic_cmpswap_b64   51=atomic_cmpswap_x2  42 42                    | atomic b64 8   | fg
atomic_add_u64       52=atomic_add_x2      43 43                    | atomic u64 8   | fg
atomic_sub_u64       53=atomic_sub_x2      44 44                    | atomic u64 8   | fg
atomic_min_i64       55=atomic_smin_x2     45 45                    | atomic i64 8   | fg
atomic_min_u64       56=atomic_umin_x2     46 46                    | atomic u64 8   | fg
atomic_max_i64       57=atomic_smax_x2     47 47                    | atomic i64 8   | fg
atomic_max_u64       58=atomic_umax_x2     48 48                    | atomic u64 8   | fg
atomic_and_b64       59=atomic_and_x2      49 49                    | atomic b64 8   | fg
atomic_or_b64        5a=atomic_or_x2       4a 4a                    | atomic b64 8   | fg
atomic_xor_b64       5b=atomic_xor_x2      4b 4b                    | atomic b64 8   | fg
atomic_inc_u64       5c=atomic_inc_x2      4c 4c                    | atomic u64 8   | fg
atomic_dec_u64       5d=atomic_dec_x2      4d 4d                    | atomic u64 8   | fg
atomic_cmpswap_f32   3e=atomic_fcmpswap    50 -                     | atomic f32 4   | fg
atomic_cond_sub_u32  -                     -  50                    | atomic u32 4   | fg
atomic_min_f32       3f=atomic_fmin        51 51=atomic_min_num_f32 | atomic f32 4   | fg
atomic_max_f32       40=atomic_fmax        52 52=atomic_max_num_f32 | atomic f32 4   | fg
atomic_add_f32       -                     56 56                    | atomic f32 4   | fg
load_tr_b128         -                     -  57                    | load b128 16   | g
load_tr_b64          -                     -  58                    | load b64 8     | g
atomic_pk_add_f16    -                     -  59                    | atomic pf16 4  | fg
atomic_pk_add_bf16   -                     -  5a                    | atomic pbf16 4 | fg
atomic_cmpswap_f64   5e=atomic_fcmpswap_x2 -  -                     | atomic f64 8   | fg
atomic_min_f64       5f=atomic_fmin_x2     -  -                     | atomic f64 8   | fg
atomic_max_f64       60=atomic_fmax_x2     -  -                     | atomic f64 8   | fg
"""

CACHE = """
buffer_gl0_inv 71 2b - | mubuf
buffer_gl1_inv 72 2c - | mubuf
global_inv     -  -  2b | global
global_wb      -  -  2c | global
global_wbinv   -  -  4f | global
"""
