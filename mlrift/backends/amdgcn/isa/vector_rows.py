"""Vector instructions of one, two and three sources: VOP1, VOP2, VOPC, VOP3.

A line is an operation: its name (gfx11's, or gfx12's for what gfx11 lacks), its opcode on gfx10.3,
gfx11 and gfx12 in hexadecimal (`-` where it is missing, `=name` where the mnemonic differs), its
operands in the order of the assembler's text, and flags. `rows.py` says how they are read.

Sources: AMD's instruction set manuals of RDNA 2, 3 and 4, chapter "Instructions", sections VOP1,
VOP2, VOPC, VOP3. VOP1, VOP2 and VOPC operations have a VOP3 form as well, whose opcode follows
from the short one; the exceptions are flagged `x`. `v_cmpx` operations follow from `v_cmp`.

Flags: `n` sources take neg and abs (floats, or those in the number's bits), `a` abs where it
differs, `c` clamp, `o` omod, `s` op_sel (16-bit operands, or the number's bits), `t` op_sel on
gfx11 only, `d` DPP, `x` no VOP3 form.
"""

VOP1 = """
v_nop                 00                   00 00 |             | x
v_mov_b32             01                   01 01 | b32 b32     | d
v_readfirstlane_b32   02                   02 02 | s.b32 v.b32 | x
v_cvt_i32_f64         03                   03 03 | i32 f64     | nco
v_cvt_f64_i32         04                   04 04 | f64 i32     | co
v_cvt_f32_i32         05                   05 05 | f32 i32     | cod
v_cvt_f32_u32         06                   06 06 | f32 u32     | cod
v_cvt_u32_f32         07                   07 07 | u32 f32     | ncod
v_cvt_i32_f32         08                   08 08 | i32 f32     | ncod
v_cvt_f16_f32         0a                   0a 0a | f16 f32     | ncod
v_cvt_f32_f16         0b                   0b 0b | f32 f16     | ncod
v_cvt_nearest_i32_f32 0c=v_cvt_rpi_i32_f32 0c 0c | i32 f32     | ncd
v_cvt_floor_i32_f32   0d=v_cvt_flr_i32_f32 0d 0d | i32 f32     | ncd
v_cvt_off_f32_i4      0e                   0e 0e | f32 b32     | cod
v_cvt_f32_f64         0f                   0f 0f | f32 f64     | nco
v_cvt_f64_f32         10                   10 10 | f64 f32     | nco
v_cvt_f32_ubyte0      11                   11 11 | f32 u32     | cod
v_cvt_f32_ubyte1      12                   12 12 | f32 u32     | cod
v_cvt_f32_ubyte2      13                   13 13 | f32 u32     | cod
v_cvt_f32_ubyte3      14                   14 14 | f32 u32     | cod
v_cvt_u32_f64         15                   15 15 | u32 f64     | nco
v_cvt_f64_u32         16                   16 16 | f64 u32     | co
v_trunc_f64           17                   17 17 | f64 f64     | nco
v_ceil_f64            18                   18 18 | f64 f64     | nco
v_rndne_f64           19                   19 19 | f64 f64     | nco
v_floor_f64           1a                   1a 1a | f64 f64     | nco
v_mov_b16             -                    1c -  | b16 b16     | d
v_fract_f32           20                   20 20 | f32 f32     | ncod
v_trunc_f32           21                   21 21 | f32 f32     | ncod
v_ceil_f32            22                   22 22 | f32 f32     | ncod
v_rndne_f32           23                   23 23 | f32 f32     | ncod
v_floor_f32           24                   24 24 | f32 f32     | ncod
v_exp_f32             25                   25 25 | f32 f32     | ncod
v_log_f32             27                   27 27 | f32 f32     | ncod
v_rcp_f32             2a                   2a 2a | f32 f32     | ncod
v_rcp_iflag_f32       2b                   2b 2b | f32 f32     | ncod
v_rsq_f32             2e                   2e 2e | f32 f32     | ncod
v_rcp_f64             2f                   2f 2f | f64 f64     | nco
v_rsq_f64             31                   31 31 | f64 f64     | nco
v_sqrt_f32            33                   33 33 | f32 f32     | ncod
v_sqrt_f64            34                   34 34 | f64 f64     | nco
v_sin_f32             35                   35 35 | f32 f32     | ncod
v_cos_f32             36                   36 36 | f32 f32     | ncod
v_not_b32             37                   37 37 | b32 b32     | d
v_bfrev_b32           38                   38 38 | b32 b32     | d
v_clz_i32_u32         39=v_ffbh_u32        39 39 | i32 u32     | d
v_ctz_i32_b32         3a=v_ffbl_b32        3a 3a | i32 b32     | d
v_cls_i32             3b=v_ffbh_i32        3b 3b | i32 i32     | d
v_frexp_exp_i32_f64   3c                   3c 3c | i32 f64     | nco
v_frexp_mant_f64      3d                   3d 3d | f64 f64     | nco
v_fract_f64           3e                   3e 3e | f64 f64     | nco
v_frexp_exp_i32_f32   3f                   3f 3f | i32 f32     | ncd
v_frexp_mant_f32      40                   40 40 | f32 f32     | ncod
v_movreld_b32         42                   42 42 | +b32 b32    | d
v_movrels_b32         43                   43 43 | b32 v.b32   | d
v_movrelsd_b32        44                   44 44 | +b32 v.b32  | d
v_movrelsd_2_b32      48                   48 48 | +b32 v.b32  | d
v_cvt_f16_u16         50                   50 50 | f16 u16     | cod
v_cvt_f16_i16         51                   51 51 | f16 i16     | cod
v_cvt_u16_f16         52                   52 52 | u16 f16     | ncod
v_cvt_i16_f16         53                   53 53 | i16 f16     | ncod
v_rcp_f16             54                   54 54 | f16 f16     | ncod
v_sqrt_f16            55                   55 55 | f16 f16     | ncod
v_rsq_f16             56                   56 56 | f16 f16     | ncod
v_log_f16             57                   57 57 | f16 f16     | ncod
v_exp_f16             58                   58 58 | f16 f16     | ncod
v_frexp_mant_f16      59                   59 59 | f16 f16     | ncod
v_frexp_exp_i16_f16   5a                   5a 5a | i16 f16     | ncod
v_floor_f16           5b                   5b 5b | f16 f16     | ncod
v_ceil_f16            5c                   5c 5c | f16 f16     | ncod
v_trunc_f16           5d                   5d 5d | f16 f16     | ncod
v_rndne_f16           5e                   5e 5e | f16 f16     | ncod
v_fract_f16           5f                   5f 5f | f16 f16     | ncod
v_sin_f16             60                   60 60 | f16 f16     | ncod
v_cos_f16             61                   61 61 | f16 f16     | ncod
v_sat_pk_u8_i16       62                   62 62 | b16 pi16    | d
v_cvt_norm_i16_f16    63                   63 63 | i16 f16     | ncod
v_cvt_norm_u16_f16    64                   64 64 | u16 f16     | ncod
v_swap_b32            65                   65 65 | +b32 +v.b32 | x
v_swap_b16            -                    66 -  | +b16 +v.b16 | x
v_permlane64_b32      -                    67 67 | b32 v.b32   | x
v_swaprel_b32         68                   68 68 | +b32 +v.b32 | x
v_not_b16             -                    69 69 | b16 b16     | d
v_cvt_i32_i16         -                    6a 6a | i32 i16     | d
v_cvt_u32_u16         -                    6b 6b | u32 u16     | d
v_cvt_f32_fp8         -                    -  6c | f32 b32     | d
v_cvt_f32_bf8         -                    -  6d | f32 b32     | d
v_cvt_pk_f32_fp8      -                    -  6e | f32*2 b16
v_cvt_pk_f32_bf8      -                    -  6f | f32*2 b16
"""

VOP2 = """
v_cndmask_b32        01                     01 01               | b32 b32 b32 m   | n3d
v_add_f64            -                      -  02               | f64 f64 f64     | nco
v_dot2acc_f32_f16    02=v_dot2c_f32_f16     02 -                | +f32 pf16 pf16  | dx
v_add_f32            03                     03 03               | f32 f32 f32     | ncod
v_sub_f32            04                     04 04               | f32 f32 f32     | ncod
v_subrev_f32         05                     05 05               | f32 f32 f32     | ncod
v_fmac_dx9_zero_f32  06=v_fmac_legacy_f32   06 -                | +f32 f32 f32    | nco
v_mul_f64            -                      -  06               | f64 f64 f64     | nco
v_mul_dx9_zero_f32   07=v_mul_legacy_f32    07 07               | f32 f32 f32     | ncod
v_mul_f32            08                     08 08               | f32 f32 f32     | ncod
v_mul_i32_i24        09                     09 09               | i32 i32 i32     | cd
v_mul_hi_i32_i24     0a                     0a 0a               | i32 i32 i32     | d
v_mul_u32_u24        0b                     0b 0b               | u32 u32 u32     | cd
v_mul_hi_u32_u24     0c                     0c 0c               | u32 u32 u32     | d
v_dot4c_i32_i8       0d                     -  -                | +i32 pi8 pi8    | dx
v_min_f64            -                      -  0d=v_min_num_f64 | f64 f64 f64     | nco
v_max_f64            -                      -  0e=v_max_num_f64 | f64 f64 f64     | nco
v_min_f32            0f                     0f 15=v_min_num_f32 | f32 f32 f32     | ncod
v_max_f32            10                     10 16=v_max_num_f32 | f32 f32 f32     | ncod
v_min_i32            11                     11 11               | i32 i32 i32     | d
v_max_i32            12                     12 12               | i32 i32 i32     | d
v_min_u32            13                     13 13               | u32 u32 u32     | d
v_max_u32            14                     14 14               | u32 u32 u32     | d
v_lshlrev_b32        1a                     18 18               | b32 u32 b32     | d
v_lshrrev_b32        16                     19 19               | b32 u32 b32     | d
v_ashrrev_i32        18                     1a 1a               | i32 u32 i32     | d
v_and_b32            1b                     1b 1b               | b32 b32 b32     | d
v_or_b32             1c                     1c 1c               | b32 b32 b32     | d
v_xor_b32            1d                     1d 1d               | b32 b32 b32     | d
v_xnor_b32           1e                     1e 1e               | b32 b32 b32     | d
v_lshlrev_b64        -                      -  1f               | b64 u32 b64
v_add_co_ci_u32      28                     20 20               | u32 m u32 u32 m | cd
v_sub_co_ci_u32      29                     21 21               | u32 m u32 u32 m | cd
v_subrev_co_ci_u32   2a                     22 22               | u32 m u32 u32 m | cd
v_add_nc_u32         25                     25 25               | u32 u32 u32     | cd
v_sub_nc_u32         26                     26 26               | u32 u32 u32     | cd
v_subrev_nc_u32      27                     27 27               | u32 u32 u32     | cd
v_fmac_f32           2b                     2b 2b               | +f32 f32 f32    | ncod
v_fmamk_f32          2c                     2c 2c               | f32 f32 k f32   | x
v_fmaak_f32          2d                     2d 2d               | f32 f32 f32 k   | x
v_cvt_pk_rtz_f16_f32 2f=v_cvt_pkrtz_f16_f32 2f 2f               | pf16 f32 f32    | ncod
v_add_f16            32                     32 32               | f16 f16 f16     | ncod
v_sub_f16            33                     33 33               | f16 f16 f16     | ncod
v_subrev_f16         34                     34 34               | f16 f16 f16     | ncod
v_mul_f16            35                     35 35               | f16 f16 f16     | ncod
v_fmac_f16           36                     36 36               | +f16 f16 f16    | ncod
v_fmamk_f16          37                     37 37               | f16 f16 h f16   | x
v_fmaak_f16          38                     38 38               | f16 f16 f16 h   | x
v_max_f16            39                     39 31=v_max_num_f16 | f16 f16 f16     | ncod
v_min_f16            3a                     3a 30=v_min_num_f16 | f16 f16 f16     | ncod
v_ldexp_f16          3b                     3b 3b               | f16 f16 i16     | ncod
v_pk_fmac_f16        3c                     3c 3c               | +pf16 pf16 pf16 | x
"""

VOPC = """
v_cmp_f_f16     c8 00 -  | m f16 f16 | nc
v_cmp_lt_f16    c9 01 01 | m f16 f16 | nc
v_cmp_eq_f16    ca 02 02 | m f16 f16 | nc
v_cmp_le_f16    cb 03 03 | m f16 f16 | nc
v_cmp_gt_f16    cc 04 04 | m f16 f16 | nc
v_cmp_lg_f16    cd 05 05 | m f16 f16 | nc
v_cmp_ge_f16    ce 06 06 | m f16 f16 | nc
v_cmp_o_f16     cf 07 07 | m f16 f16 | nc
v_cmp_u_f16     e8 08 08 | m f16 f16 | nc
v_cmp_nge_f16   e9 09 09 | m f16 f16 | nc
v_cmp_nlg_f16   ea 0a 0a | m f16 f16 | nc
v_cmp_ngt_f16   eb 0b 0b | m f16 f16 | nc
v_cmp_nle_f16   ec 0c 0c | m f16 f16 | nc
v_cmp_neq_f16   ed 0d 0d | m f16 f16 | nc
v_cmp_nlt_f16   ee 0e 0e | m f16 f16 | nc
v_cmp_t_f16     -  0f -  | m f16 f16 | nc
v_cmp_tru_f32   0f -  -  | m f32 f32 | nc
v_cmp_f_f32     00 10 -  | m f32 f32 | nc
v_cmp_lt_f32    01 11 11 | m f32 f32 | nc
v_cmp_eq_f32    02 12 12 | m f32 f32 | nc
v_cmp_le_f32    03 13 13 | m f32 f32 | nc
v_cmp_gt_f32    04 14 14 | m f32 f32 | nc
v_cmp_lg_f32    05 15 15 | m f32 f32 | nc
v_cmp_ge_f32    06 16 16 | m f32 f32 | nc
v_cmp_o_f32     07 17 17 | m f32 f32 | nc
v_cmp_u_f32     08 18 18 | m f32 f32 | nc
v_cmp_nge_f32   09 19 19 | m f32 f32 | nc
v_cmp_nlg_f32   0a 1a 1a | m f32 f32 | nc
v_cmp_ngt_f32   0b 1b 1b | m f32 f32 | nc
v_cmp_nle_f32   0c 1c 1c | m f32 f32 | nc
v_cmp_neq_f32   0d 1d 1d | m f32 f32 | nc
v_cmp_nlt_f32   0e 1e 1e | m f32 f32 | nc
v_cmp_t_f32     -  1f -  | m f32 f32 | nc
v_cmp_f_f64     20 20 -  | m f64 f64 | nc
v_cmp_lt_f64    21 21 21 | m f64 f64 | nc
v_cmp_eq_f64    22 22 22 | m f64 f64 | nc
v_cmp_le_f64    23 23 23 | m f64 f64 | nc
v_cmp_gt_f64    24 24 24 | m f64 f64 | nc
v_cmp_lg_f64    25 25 25 | m f64 f64 | nc
v_cmp_ge_f64    26 26 26 | m f64 f64 | nc
v_cmp_o_f64     27 27 27 | m f64 f64 | nc
v_cmp_u_f64     28 28 28 | m f64 f64 | nc
v_cmp_nge_f64   29 29 29 | m f64 f64 | nc
v_cmp_nlg_f64   2a 2a 2a | m f64 f64 | nc
v_cmp_ngt_f64   2b 2b 2b | m f64 f64 | nc
v_cmp_nle_f64   2c 2c 2c | m f64 f64 | nc
v_cmp_neq_f64   2d 2d 2d | m f64 f64 | nc
v_cmp_nlt_f64   2e 2e 2e | m f64 f64 | nc
v_cmp_t_f64     -  2f -  | m f64 f64 | nc
v_cmp_tru_f64   2f -  -  | m f64 f64 | nc
v_cmp_lt_i16    89 31 31 | m i16 i16
v_cmp_eq_i16    8a 32 32 | m i16 i16
v_cmp_le_i16    8b 33 33 | m i16 i16
v_cmp_gt_i16    8c 34 34 | m i16 i16
v_cmp_ne_i16    8d 35 35 | m i16 i16
v_cmp_ge_i16    8e 36 36 | m i16 i16
v_cmp_lt_u16    a9 39 39 | m u16 u16
v_cmp_eq_u16    aa 3a 3a | m u16 u16
v_cmp_le_u16    ab 3b 3b | m u16 u16
v_cmp_gt_u16    ac 3c 3c | m u16 u16
v_cmp_ne_u16    ad 3d 3d | m u16 u16
v_cmp_ge_u16    ae 3e 3e | m u16 u16
v_cmp_f_i32     80 40 -  | m i32 i32
v_cmp_lt_i32    81 41 41 | m i32 i32
v_cmp_eq_i32    82 42 42 | m i32 i32
v_cmp_le_i32    83 43 43 | m i32 i32
v_cmp_gt_i32    84 44 44 | m i32 i32
v_cmp_ne_i32    85 45 45 | m i32 i32
v_cmp_ge_i32    86 46 46 | m i32 i32
v_cmp_t_i32     87 47 -  | m i32 i32
v_cmp_f_u32     c0 48 -  | m u32 u32
v_cmp_lt_u32    c1 49 49 | m u32 u32
v_cmp_eq_u32    c2 4a 4a | m u32 u32
v_cmp_le_u32    c3 4b 4b | m u32 u32
v_cmp_gt_u32    c4 4c 4c | m u32 u32
v_cmp_ne_u32    c5 4d 4d | m u32 u32
v_cmp_ge_u32    c6 4e 4e | m u32 u32
v_cmp_t_u32     c7 4f -  | m u32 u32
v_cmp_f_i64     a0 50 -  | m i64 i64
v_cmp_lt_i64    a1 51 51 | m i64 i64
v_cmp_eq_i64    a2 52 52 | m i64 i64
v_cmp_le_i64    a3 53 53 | m i64 i64
v_cmp_gt_i64    a4 54 54 | m i64 i64
v_cmp_ne_i64    a5 55 55 | m i64 i64
v_cmp_ge_i64    a6 56 56 | m i64 i64
v_cmp_t_i64     a7 57 -  | m i64 i64
v_cmp_f_u64     e0 58 -  | m u64 u64
v_cmp_lt_u64    e1 59 59 | m u64 u64
v_cmp_eq_u64    e2 5a 5a | m u64 u64
v_cmp_le_u64    e3 5b 5b | m u64 u64
v_cmp_gt_u64    e4 5c 5c | m u64 u64
v_cmp_ne_u64    e5 5d 5d | m u64 u64
v_cmp_ge_u64    e6 5e 5e | m u64 u64
v_cmp_t_u64     e7 5f -  | m u64 u64
v_cmp_class_f16 8f 7d 7d | m f16 u16 | n
v_cmp_class_f32 88 7e 7e | m f32 u32 | n
v_cmp_class_f64 a8 7f 7f | m f64 u32 | n
v_cmp_tru_f16   ef -  -  | m f16 f16 | nc
"""

VOP3 = """
v_fma_dx9_zero_f32    140 209 209                  | f32 f32 f32 f32        | nco
v_mad_i32_i24         142 20a 20a                  | i32 i32 i32 i32        | cd
v_mad_u32_u24         143 20b 20b                  | u32 u32 u32 u32        | cd
v_cubeid_f32          144 20c 20c                  | f32 f32 f32 f32        | ncod
v_cubesc_f32          145 20d 20d                  | f32 f32 f32 f32        | ncod
v_cubetc_f32          146 20e 20e                  | f32 f32 f32 f32        | ncod
v_cubema_f32          147 20f 20f                  | f32 f32 f32 f32        | ncod
v_bfe_u32             148 210 210                  | u32 u32 u32 u32        | d
v_bfe_i32             149 211 211                  | i32 i32 u32 u32        | d
v_bfi_b32             14a 212 212                  | b32 b32 b32 b32        | d
v_fma_f32             14b 213 213                  | f32 f32 f32 f32        | ncod
v_fma_f64             14c 214 214                  | f64 f64 f64 f64        | nco
v_lerp_u8             14d 215 215                  | pi8 pi8 pi8 pi8        | d
v_alignbit_b32        14e 216 216                  | b32 b32 b32 u16        | cs15d
v_alignbyte_b32       14f 217 217                  | b32 b32 b32 u16        | cs15d
v_mullit_f32          150 218 218                  | f32 f32 f32 f32        | ncod
v_min3_f32            151 219 229=v_min3_num_f32   | f32 f32 f32 f32        | ncod
v_min3_i32            152 21a 21a                  | i32 i32 i32 i32        | d
v_min3_u32            153 21b 21b                  | u32 u32 u32 u32        | d
v_max3_f32            154 21c 22a=v_max3_num_f32   | f32 f32 f32 f32        | ncod
v_max3_i32            155 21d 21d                  | i32 i32 i32 i32        | d
v_max3_u32            156 21e 21e                  | u32 u32 u32 u32        | d
v_med3_f32            157 21f 231=v_med3_num_f32   | f32 f32 f32 f32        | ncod
v_med3_i32            158 220 220                  | i32 i32 i32 i32        | d
v_med3_u32            159 221 221                  | u32 u32 u32 u32        | d
v_sad_u8              15a 222 222                  | u32 pi8 pi8 u32        | cd
v_sad_hi_u8           15b 223 223                  | u32 pi8 pi8 u32        | cd
v_sad_u16             15c 224 224                  | u32 pi16 pi16 u32      | cd
v_sad_u32             15d 225 225                  | u32 u32 u32 u32        | cd
v_cvt_pk_u8_f32       15e 226 226                  | b32 f32 u32 b32        | ncd
v_div_fixup_f32       15f 227 227                  | f32 f32 f32 f32        | nco
v_div_fixup_f64       160 228 228                  | f64 f64 f64 f64        | nco
v_minimum3_f32        -   -   22d                  | f32 f32 f32 f32        | ncod
v_maximum3_f32        -   -   22e                  | f32 f32 f32 f32        | ncod
v_minimum3_f16        -   -   22f                  | f16 f16 f16 f16        | ncosd
v_maximum3_f16        -   -   230                  | f16 f16 f16 f16        | ncosd
v_div_fmas_f32        16f 237 237                  | f32 f32 f32 f32        | nco
v_div_fmas_f64        170 238 238                  | f64 f64 f64 f64        | nco
v_msad_u8             171 239 239                  | u32 pi8 pi8 u32        | cd
v_qsad_pk_u16_u8      172 23a 23a                  | b64 b64 b32 b64        | c
v_mqsad_pk_u16_u8     173 23b 23b                  | b64 b64 b32 b64        | c
v_mqsad_u32_u8        175 23d 23d                  | u32*4 b64 b32 v.u32*4  | c
v_xor3_b32            178 240 240                  | b32 b32 b32 b32        | d
v_mad_u16             340 241 241                  | u16 u16 u16 u16        | csd
v_perm_b32            344 244 244                  | b32 b32 b32 b32        | d
v_xad_u32             345 245 245                  | u32 u32 u32 u32        | d
v_lshl_add_u32        346 246 246                  | u32 u32 u32 u32        | d
v_add_lshl_u32        347 247 247                  | u32 u32 u32 u32        | d
v_fma_f16             34b 248 248                  | f16 f16 f16 f16        | ncosd
v_min3_f16            351 249 22b=v_min3_num_f16   | f16 f16 f16 f16        | ncosd
v_min3_i16            352 24a 24a                  | i16 i16 i16 i16        | csd
v_min3_u16            353 24b 24b                  | u16 u16 u16 u16        | csd
v_max3_f16            354 24c 22c=v_max3_num_f16   | f16 f16 f16 f16        | ncosd
v_max3_i16            355 24d 24d                  | i16 i16 i16 i16        | csd
v_max3_u16            356 24e 24e                  | u16 u16 u16 u16        | csd
v_med3_f16            357 24f 232=v_med3_num_f16   | f16 f16 f16 f16        | ncosd
v_med3_i16            358 250 250                  | i16 i16 i16 i16        | csd
v_med3_u16            359 251 251                  | u16 u16 u16 u16        | csd
v_mad_i16             35e 253 253                  | i16 i16 i16 i16        | csd
v_div_fixup_f16       35f 254 254                  | f16 f16 f16 f16        | ncosd
v_add3_u32            36d 255 255                  | u32 u32 u32 u32        | d
v_lshl_or_b32         36f 256 256                  | b32 b32 b32 b32        | d
v_and_or_b32          371 257 257                  | b32 b32 b32 b32        | d
v_or3_b32             372 258 258                  | b32 b32 b32 b32        | d
v_mad_u32_u16         373 259 259                  | u32 u16 u16 u32        | cs15d
v_mad_i32_i16         375 25a 25a                  | i32 i16 i16 i32        | cs15d
v_permlane16_b32      377 25b 25b                  | +b32 v.b32 s.b32 s.b32 | s3
v_permlanex16_b32     378 25c 25c                  | +b32 v.b32 s.b32 s.b32 | s3
v_cndmask_b16         -   25d 25d                  | b16 b16 b16 m          | n3td
v_maxmin_f32          -   25e 269=v_maxmin_num_f32 | f32 f32 f32 f32        | ncod
v_minmax_f32          -   25f 268=v_minmax_num_f32 | f32 f32 f32 f32        | ncod
v_maxmin_f16          -   260 26b=v_maxmin_num_f16 | f16 f16 f16 f16        | ncosd
v_minmax_f16          -   261 26a=v_minmax_num_f16 | f16 f16 f16 f16        | ncosd
v_maxmin_u32          -   262 262                  | u32 u32 u32 u32        | d
v_minmax_u32          -   263 263                  | u32 u32 u32 u32        | d
v_maxmin_i32          -   264 264                  | i32 i32 i32 i32        | d
v_minmax_i32          -   265 265                  | i32 i32 i32 i32        | d
v_dot2_f16_f16        -   266 266                  | f16 pf16 pf16 f16      | nsd
v_dot2_bf16_bf16      -   267 267                  | bf16 pbf16 pbf16 bf16  | nsd
v_minimummaximum_f32  -   -   26c                  | f32 f32 f32 f32        | ncod
v_maximumminimum_f32  -   -   26d                  | f32 f32 f32 f32        | ncod
v_minimummaximum_f16  -   -   26e                  | f16 f16 f16 f16        | ncosd
v_maximumminimum_f16  -   -   26f                  | f16 f16 f16 f16        | ncosd
v_s_exp_f32           -   -   280                  | s.f32 s.f32            | nco
v_s_exp_f16           -   -   281                  | s.f16 s.f16            | nco
v_s_log_f32           -   -   282                  | s.f32 s.f32            | nco
v_s_log_f16           -   -   283                  | s.f16 s.f16            | nco
v_s_rcp_f32           -   -   284                  | s.f32 s.f32            | nco
v_s_rcp_f16           -   -   285                  | s.f16 s.f16            | nco
v_s_rsq_f32           -   -   286                  | s.f32 s.f32            | nco
v_s_rsq_f16           -   -   287                  | s.f16 s.f16            | nco
v_s_sqrt_f32          -   -   288                  | s.f32 s.f32            | nco
v_s_sqrt_f16          -   -   289                  | s.f16 s.f16            | nco
v_add_nc_u16          303 303 303                  | u16 u16 u16            | csd
v_sub_nc_u16          304 304 304                  | u16 u16 u16            | csd
v_mul_lo_u16          305 305 305                  | u16 u16 u16            | td
v_cvt_pk_i16_f32      -   306 306                  | pi16 f32 f32           | ncd
v_cvt_pk_u16_f32      -   307 307                  | pi16 f32 f32           | ncd
v_max_u16             309 309 309                  | u16 u16 u16            | td
v_max_i16             30a 30a 30a                  | i16 i16 i16            | td
v_min_u16             30b 30b 30b                  | u16 u16 u16            | td
v_min_i16             30c 30c 30c                  | i16 i16 i16            | td
v_add_nc_i16          30d 30d 30d                  | i16 i16 i16            | csd
v_sub_nc_i16          30e 30e 30e                  | i16 i16 i16            | csd
v_permlane16_var_b32  -   -   30f                  | +b32 v.b32 v.b32       | s3
v_permlanex16_var_b32 -   -   310                  | +b32 v.b32 v.b32       | s3
v_pack_b32_f16        311 311 311                  | b32 f16 f16            | ncs11d
v_cvt_pk_norm_i16_f16 312 312 312                  | pi16 f16 f16           | ncs11d
v_cvt_pk_norm_u16_f16 313 313 313                  | pi16 f16 f16           | ncs11d
v_ldexp_f32           362 31c 31c                  | f32 f32 i32            | ncod
v_bfm_b32             363 31d 31d                  | b32 u32 u32            | d
v_bcnt_u32_b32        364 31e 31e                  | u32 b32 u32            | d
v_mbcnt_lo_u32_b32    365 31f 31f                  | u32 b32 u32            | d
v_mbcnt_hi_u32_b32    366 320 320                  | u32 b32 u32            | d
v_cvt_pk_norm_i16_f32 368 321 321                  | pi16 f32 f32           | ncd
v_cvt_pk_norm_u16_f32 369 322 322                  | pi16 f32 f32           | ncd
v_cvt_pk_u16_u32      36a 323 323                  | pi16 u32 u32           | d
v_cvt_pk_i16_i32      36b 324 324                  | pi16 i32 i32           | d
v_sub_nc_i32          376 325 325                  | i32 i32 i32            | cd
v_add_nc_i32          37f 326 326                  | i32 i32 i32            | cd
v_add_f64             164 327 -                    | f64 f64 f64            | nco
v_mul_f64             165 328 -                    | f64 f64 f64            | nco
v_min_f64             166 329 -                    | f64 f64 f64            | nco
v_max_f64             167 32a -                    | f64 f64 f64            | nco
v_ldexp_f64           168 32b 32b                  | f64 f64 i32            | nco
v_mul_lo_u32          169 32c 32c                  | u32 u32 u32
v_mul_hi_u32          16a 32d 32d                  | u32 u32 u32
v_mul_hi_i32          16c 32e 32e                  | i32 i32 i32
v_trig_preop_f64      174 32f 32f                  | f64 f64 u32            | nco
v_lshlrev_b16         314 338 338                  | b16 u16 b16            | td
v_lshrrev_b16         307 339 339                  | b16 u16 b16            | td
v_ashrrev_i16         308 33a 33a                  | i16 u16 i16            | td
v_lshlrev_b64         2ff 33c -                    | b64 u32 b64
v_lshrrev_b64         300 33d 33d                  | b64 u32 b64
v_ashrrev_i64         301 33e 33e                  | i64 u32 i64
v_minimum_f64         -   -   341                  | f64 f64 f64            | nco
v_maximum_f64         -   -   342                  | f64 f64 f64            | nco
v_readlane_b32        360 360 360                  | s.b32 v.b32 l.u32
v_writelane_b32       361 361 361                  | +b32 s.b32 l.u32
v_and_b16             -   362 362                  | b16 b16 b16            | td
v_or_b16              -   363 363                  | b16 b16 b16            | td
v_xor_b16             -   364 364                  | b16 b16 b16            | td
v_minimum_f32         -   -   365                  | f32 f32 f32            | ncod
v_maximum_f32         -   -   366                  | f32 f32 f32            | ncod
v_minimum_f16         -   -   367                  | f16 f16 f16            | ncosd
v_maximum_f16         -   -   368                  | f16 f16 f16            | ncosd
v_cvt_pk_fp8_f32      -   -   369                  | +b16 f32 f32           | ns11d
v_cvt_pk_bf8_f32      -   -   36a                  | +b16 f32 f32           | ns11d
v_cvt_sr_fp8_f32      -   -   36b                  | +b32 f32 b32           | nd
v_cvt_sr_bf8_f32      -   -   36c                  | +b32 f32 b32           | nd
"""

VOP3SD = """
v_div_scale_f32 16d 2fc 2fc                  | f32 m f32 f32 f32 | na0co
v_div_scale_f64 16e 2fd 2fd                  | f64 m f64 f64 f64 | na0co
v_mad_u64_u32   176 2fe 2fe=v_mad_co_u64_u32 | u64 m u32 u32 u64 | c
v_mad_i64_i32   177 2ff 2ff=v_mad_co_i64_i32 | i64 m i32 i32 i64 | c
v_add_co_u32    30f 300 300                  | u32 m u32 u32     | cd
v_sub_co_u32    310 301 301                  | u32 m u32 u32     | cd
v_subrev_co_u32 319 302 302                  | u32 m u32 u32     | cd
"""
