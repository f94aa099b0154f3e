"""Scalar instructions: SOP1, SOP2, SOPC, SOPK, SOPP.

A line is an operation: its name (gfx11's, or gfx12's for what gfx11 lacks), its opcode on gfx10.3,
gfx11 and gfx12 in hexadecimal (`-` where it is missing, `=name` where the mnemonic differs), its
operands in the order of the assembler's text, and flags. `rows.py` says how they are read.

Sources: AMD's instruction set manuals of RDNA 2, 3 and 4, chapter "Instructions", sections SOP1,
SOP2, SOPC, SOPK, SOPP. Flags: `C` writes SCC, `c` reads it, `X` writes EXEC, `x` reads it, `v`
reads VCC, `M` reads M0, then the unit where it is not the scalar ALU (`conditional`: a branch that
may fall through).
"""

SOP1 = """
s_mov_b32                03                      00 00 | b32 b32
s_mov_b64                04                      01 01 | b64 b64
s_cmov_b32               05                      02 02 | +b32 b32               | c
s_cmov_b64               06                      03 03 | +b64 b64               | c
s_brev_b32               0b                      04 04 | b32 b32
s_brev_b64               0c                      05 05 | b64 b64
s_ctz_i32_b32            13=s_ff1_i32_b32        08 08 | i32 b32
s_ctz_i32_b64            14=s_ff1_i32_b64        09 09 | i32 b64
s_clz_i32_u32            15=s_flbit_i32_b32      0a 0a | i32 u32
s_clz_i32_u64            16=s_flbit_i32_b64      0b 0b | i32 u64
s_cls_i32                17=s_flbit_i32          0c 0c | i32 i32
s_cls_i32_i64            18=s_flbit_i32_i64      0d 0d | i32 i64
s_sext_i32_i8            19                      0e 0e | i32 b32
s_sext_i32_i16           1a                      0f 0f | i32 b32
s_bitset0_b32            1b                      10 10 | +b32 u32
s_bitset0_b64            1c                      11 11 | +b64 u32
s_ff0_i32_b32            11                      -  -  | i32 b32
s_bitset1_b32            1d                      12 12 | +b32 u32
s_ff0_i32_b64            12                      -  -  | i32 b64
s_bitset1_b64            1e                      13 13 | +b64 u32
s_bitreplicate_b64_b32   3b                      14 14 | b64 b32
s_abs_i32                34                      15 15 | i32 i32                | C
s_bcnt0_i32_b32          0d                      16 16 | i32 b32                | C
s_bcnt0_i32_b64          0e                      17 17 | i32 b64                | C
s_bcnt1_i32_b32          0f                      18 18 | i32 b32                | C
s_bcnt1_i32_b64          10                      19 19 | i32 b64                | C
s_quadmask_b32           2c                      1a 1a | b32 b32                | C
s_quadmask_b64           2d                      1b 1b | b64 b64                | C
s_wqm_b32                09                      1c 1c | b32 b32                | C
s_wqm_b64                0a                      1d 1d | b64 b64                | C
s_not_b32                07                      1e 1e | b32 b32                | C
s_not_b64                08                      1f 1f | b64 b64                | C
s_and_saveexec_b32       3c                      20 20 | b32 b32                | CxX
s_and_saveexec_b64       24                      21 21 | b64 b64                | CxX
s_or_saveexec_b32        3d                      22 22 | b32 b32                | CxX
s_or_saveexec_b64        25                      23 23 | b64 b64                | CxX
s_xor_saveexec_b32       3e                      24 24 | b32 b32                | CxX
s_xor_saveexec_b64       26                      25 25 | b64 b64                | CxX
s_nand_saveexec_b32      41                      26 26 | b32 b32                | CxX
s_nand_saveexec_b64      29                      27 27 | b64 b64                | CxX
s_nor_saveexec_b32       42                      28 28 | b32 b32                | CxX
s_nor_saveexec_b64       2a                      29 29 | b64 b64                | CxX
s_xnor_saveexec_b32      43                      2a 2a | b32 b32                | CxX
s_xnor_saveexec_b64      2b                      2b 2b | b64 b64                | CxX
s_and_not0_saveexec_b32  44=s_andn1_saveexec_b32 2c 2c | b32 b32                | CxX
s_and_not0_saveexec_b64  37=s_andn1_saveexec_b64 2d 2d | b64 b64                | CxX
s_or_not0_saveexec_b32   45=s_orn1_saveexec_b32  2e 2e | b32 b32                | CxX
s_or_not0_saveexec_b64   38=s_orn1_saveexec_b64  2f 2f | b64 b64                | CxX
s_and_not1_saveexec_b32  3f=s_andn2_saveexec_b32 30 30 | b32 b32                | CxX
s_and_not1_saveexec_b64  27=s_andn2_saveexec_b64 31 31 | b64 b64                | CxX
s_or_not1_saveexec_b32   40=s_orn2_saveexec_b32  32 32 | b32 b32                | CxX
s_or_not1_saveexec_b64   28=s_orn2_saveexec_b64  33 33 | b64 b64                | CxX
s_and_not0_wrexec_b32    46=s_andn1_wrexec_b32   34 34 | b32 b32                | CxX
s_and_not0_wrexec_b64    39=s_andn1_wrexec_b64   35 35 | b64 b64                | CxX
s_and_not1_wrexec_b32    47=s_andn2_wrexec_b32   36 36 | b32 b32                | CxX
s_and_not1_wrexec_b64    3a=s_andn2_wrexec_b64   37 37 | b64 b64                | CxX
s_movrels_b32            2e                      40 40 | b32 r.b32                | M
s_movrels_b64            2f                      41 41 | b64 r.b64                | M
s_movreld_b32            30                      42 42 | b32 b32                | M
s_movreld_b64            31                      43 43 | b64 b64                | M
s_movrelsd_2_b32         49                      44 44 | b32 r.b32                | M
s_getpc_b64              1f                      47 47 | b64
s_setpc_b64              20                      48 48 | ssrc0:r.b64              | branch
s_swappc_b64             21                      49 49 | b64 r.b64                | branch
s_barrier_signal         -                       -  4e | ssrc0:l.b32              | barrier
s_barrier_signal_isfirst -                       -  4f | ssrc0:l.b32              | C barrier
s_get_barrier_state      -                       -  50 | b32 l.b32                | barrier
s_barrier_init           -                       -  51 | ssrc0:l.b32              | barrier
s_barrier_join           -                       -  52 | ssrc0:l.b32              | barrier
s_sleep_var              -                       -  58 | ssrc0:b32              | message
s_ceil_f32               -                       -  60 | f32 f32
s_floor_f32              -                       -  61 | f32 f32
s_trunc_f32              -                       -  62 | f32 f32
s_rndne_f32              -                       -  63 | f32 f32
s_cvt_f32_i32            -                       -  64 | f32 i32
s_cvt_f32_u32            -                       -  65 | f32 u32
s_cvt_i32_f32            -                       -  66 | i32 f32
s_cvt_u32_f32            -                       -  67 | u32 f32
s_cvt_f16_f32            -                       -  68 | f16 f32
s_cvt_f32_f16            -                       -  69 | f32 f16
s_cvt_hi_f32_f16         -                       -  6a | f32 b32
s_ceil_f16               -                       -  6b | f16 f16
s_floor_f16              -                       -  6c | f16 f16
s_trunc_f16              -                       -  6d | f16 f16
s_rndne_f16              -                       -  6e | f16 f16
s_sendmsg_rtn_b32        -                       4c 4c | sdst:b32 ssrc0:message | message
s_sendmsg_rtn_b64        -                       4d 4d | sdst:b64 ssrc0:message | message
"""

SOP2 = """
s_add_u32            00             00 00=s_add_co_u32    | u32 u32 u32   | C
s_sub_u32            01             01 01=s_sub_co_u32    | u32 u32 u32   | C
s_add_i32            02             02 02=s_add_co_i32    | i32 i32 i32   | C
s_sub_i32            03             03 03=s_sub_co_i32    | i32 i32 i32   | C
s_addc_u32           04             04 04=s_add_co_ci_u32 | u32 u32 u32   | cC
s_subb_u32           05             05 05=s_sub_co_ci_u32 | u32 u32 u32   | cC
s_absdiff_i32        2c             06 06                 | i32 i32 i32   | C
s_lshl_b32           1e             08 08                 | b32 b32 u32   | C
s_lshl_b64           1f             09 09                 | b64 b64 u32   | C
s_lshr_b32           20             0a 0a                 | b32 b32 u32   | C
s_lshr_b64           21             0b 0b                 | b64 b64 u32   | C
s_ashr_i32           22             0c 0c                 | i32 i32 u32   | C
s_ashr_i64           23             0d 0d                 | i64 i64 u32   | C
s_lshl1_add_u32      2e             0e 0e                 | u32 u32 u32   | C
s_lshl2_add_u32      2f             0f 0f                 | u32 u32 u32   | C
s_lshl3_add_u32      30             10 10                 | u32 u32 u32   | C
s_lshl4_add_u32      31             11 11                 | u32 u32 u32   | C
s_min_i32            06             12 12                 | i32 i32 i32   | C
s_min_u32            07             13 13                 | u32 u32 u32   | C
s_max_i32            08             14 14                 | i32 i32 i32   | C
s_max_u32            09             15 15                 | u32 u32 u32   | C
s_and_b32            0e             16 16                 | b32 b32 b32   | C
s_and_b64            0f             17 17                 | b64 b64 b64   | C
s_or_b32             10             18 18                 | b32 b32 b32   | C
s_or_b64             11             19 19                 | b64 b64 b64   | C
s_xor_b32            12             1a 1a                 | b32 b32 b32   | C
s_xor_b64            13             1b 1b                 | b64 b64 b64   | C
s_nand_b32           18             1c 1c                 | b32 b32 b32   | C
s_nand_b64           19             1d 1d                 | b64 b64 b64   | C
s_nor_b32            1a             1e 1e                 | b32 b32 b32   | C
s_nor_b64            1b             1f 1f                 | b64 b64 b64   | C
s_xnor_b32           1c             20 20                 | b32 b32 b32   | C
s_xnor_b64           1d             21 21                 | b64 b64 b64   | C
s_and_not1_b32       14=s_andn2_b32 22 22                 | b32 b32 b32   | C
s_and_not1_b64       15=s_andn2_b64 23 23                 | b64 b64 b64   | C
s_or_not1_b32        16=s_orn2_b32  24 24                 | b32 b32 b32   | C
s_or_not1_b64        17=s_orn2_b64  25 25                 | b64 b64 b64   | C
s_bfe_u32            27             26 26                 | u32 u32 u32   | C
s_bfe_i32            28             27 27                 | i32 i32 u32   | C
s_bfe_u64            29             28 28                 | u64 u64 u32   | C
s_bfe_i64            2a             29 29                 | i64 i64 u32   | C
s_bfm_b32            24             2a 2a                 | b32 u32 u32
s_bfm_b64            25             2b 2b                 | b64 u32 u32
s_mul_i32            26             2c 2c                 | i32 i32 i32
s_mul_hi_u32         35             2d 2d                 | u32 u32 u32
s_mul_hi_i32         36             2e 2e                 | i32 i32 i32
s_cselect_b32        0a             30 30                 | b32 b32 b32   | c
s_cselect_b64        0b             31 31                 | b64 b64 b64   | c
s_pack_ll_b32_b16    32             32 32                 | b32 b32 b32
s_pack_lh_b32_b16    33             33 33                 | b32 b32 b32
s_pack_hh_b32_b16    34             34 34                 | b32 b32 b32
s_pack_hl_b32_b16    -              35 35                 | b32 b32 b32
s_add_f32            -              -  40                 | f32 f32 f32
s_sub_f32            -              -  41                 | f32 f32 f32
s_min_f32            -              -  42=s_min_num_f32   | f32 f32 f32
s_max_f32            -              -  43=s_max_num_f32   | f32 f32 f32
s_mul_f32            -              -  44                 | f32 f32 f32
s_fmaak_f32          -              -  45                 | f32 f32 f32 k
s_fmamk_f32          -              -  46                 | f32 f32 k f32
s_fmac_f32           -              -  47                 | +f32 f32 f32
s_cvt_pk_rtz_f16_f32 -              -  48                 | pf16 f32 f32
s_add_f16            -              -  49                 | f16 f16 f16
s_sub_f16            -              -  4a                 | f16 f16 f16
s_min_f16            -              -  4b=s_min_num_f16   | f16 f16 f16
s_max_f16            -              -  4c=s_max_num_f16   | f16 f16 f16
s_mul_f16            -              -  4d                 | f16 f16 f16
s_fmac_f16           -              -  4e                 | +f16 f16 f16
s_minimum_f32        -              -  4f                 | f32 f32 f32
s_maximum_f32        -              -  50                 | f32 f32 f32
s_minimum_f16        -              -  51                 | f16 f16 f16
s_maximum_f16        -              -  52                 | f16 f16 f16
s_add_nc_u64         -              -  53                 | u64 u64 u64
s_sub_nc_u64         -              -  54                 | u64 u64 u64
s_mul_u64            -              -  55                 | u64 u64 u64
"""

SOPC = """
s_cmp_eq_i32  00 00 00 | i32 i32 | C
s_cmp_lg_i32  01 01 01 | i32 i32 | C
s_cmp_gt_i32  02 02 02 | i32 i32 | C
s_cmp_ge_i32  03 03 03 | i32 i32 | C
s_cmp_lt_i32  04 04 04 | i32 i32 | C
s_cmp_le_i32  05 05 05 | i32 i32 | C
s_cmp_eq_u32  06 06 06 | u32 u32 | C
s_cmp_lg_u32  07 07 07 | u32 u32 | C
s_cmp_gt_u32  08 08 08 | u32 u32 | C
s_cmp_ge_u32  09 09 09 | u32 u32 | C
s_cmp_lt_u32  0a 0a 0a | u32 u32 | C
s_cmp_le_u32  0b 0b 0b | u32 u32 | C
s_bitcmp0_b32 0c 0c 0c | b32 u32 | C
s_bitcmp1_b32 0d 0d 0d | b32 u32 | C
s_bitcmp0_b64 0e 0e 0e | b64 u32 | C
s_bitcmp1_b64 0f 0f 0f | b64 u32 | C
s_cmp_eq_u64  12 10 10 | u64 u64 | C
s_cmp_lg_u64  13 11 11 | u64 u64 | C
s_cmp_lt_f32  -  -  41 | f32 f32 | C
s_cmp_eq_f32  -  -  42 | f32 f32 | C
s_cmp_le_f32  -  -  43 | f32 f32 | C
s_cmp_gt_f32  -  -  44 | f32 f32 | C
s_cmp_lg_f32  -  -  45 | f32 f32 | C
s_cmp_ge_f32  -  -  46 | f32 f32 | C
s_cmp_o_f32   -  -  47 | f32 f32 | C
s_cmp_u_f32   -  -  48 | f32 f32 | C
s_cmp_nge_f32 -  -  49 | f32 f32 | C
s_cmp_nlg_f32 -  -  4a | f32 f32 | C
s_cmp_ngt_f32 -  -  4b | f32 f32 | C
s_cmp_nle_f32 -  -  4c | f32 f32 | C
s_cmp_neq_f32 -  -  4d | f32 f32 | C
s_cmp_nlt_f32 -  -  4e | f32 f32 | C
s_cmp_lt_f16  -  -  51 | f16 f16 | C
s_cmp_eq_f16  -  -  52 | f16 f16 | C
s_cmp_le_f16  -  -  53 | f16 f16 | C
s_cmp_gt_f16  -  -  54 | f16 f16 | C
s_cmp_lg_f16  -  -  55 | f16 f16 | C
s_cmp_ge_f16  -  -  56 | f16 f16 | C
s_cmp_o_f16   -  -  57 | f16 f16 | C
s_cmp_u_f16   -  -  58 | f16 f16 | C
s_cmp_nge_f16 -  -  59 | f16 f16 | C
s_cmp_nlg_f16 -  -  5a | f16 f16 | C
s_cmp_ngt_f16 -  -  5b | f16 f16 | C
s_cmp_nle_f16 -  -  5c | f16 f16 | C
s_cmp_neq_f16 -  -  5d | f16 f16 | C
s_cmp_nlt_f16 -  -  5e | f16 f16 | C
"""

SOPK = """
s_movk_i32         00 00 00               | sdst:i32 simm16:i16
s_version          01 01 01               | simm16:u16             | message
s_cmovk_i32        02 02 02               | sdst:+i32 simm16:i16   | c
s_cmpk_eq_i32      03 03 -                | sdst:=i32 simm16:i16   | C
s_cmpk_lg_i32      04 04 -                | sdst:=i32 simm16:i16   | C
s_cmpk_gt_i32      05 05 -                | sdst:=i32 simm16:i16   | C
s_cmpk_ge_i32      06 06 -                | sdst:=i32 simm16:i16   | C
s_cmpk_lt_i32      07 07 -                | sdst:=i32 simm16:i16   | C
s_cmpk_le_i32      08 08 -                | sdst:=i32 simm16:i16   | C
s_cmpk_eq_u32      09 09 -                | sdst:=u32 simm16:u16   | C
s_cmpk_lg_u32      0a 0a -                | sdst:=u32 simm16:u16   | C
s_cmpk_gt_u32      0b 0b -                | sdst:=u32 simm16:u16   | C
s_cmpk_ge_u32      0c 0c -                | sdst:=u32 simm16:u16   | C
s_cmpk_lt_u32      0d 0d -                | sdst:=u32 simm16:u16   | C
s_cmpk_le_u32      0e 0e -                | sdst:=u32 simm16:u16   | C
s_addk_i32         0f 0f 0f=s_addk_co_i32 | sdst:+i32 simm16:i16   | C
s_mulk_i32         10 10 10               | sdst:+i32 simm16:i16
s_getreg_b32       12 11 11               | sdst:b32 simm16:hwreg
s_setreg_b32       13 12 12               | simm16:hwreg sdst:=b32
s_setreg_imm32_b32 15 13 13               | simm16:hwreg k
s_call_b64         16 14 14               | sdst:b64 simm16:branch | branch
s_waitcnt_vscnt    17 18 -                | sdst:=b32 simm16:u16   | wait
s_waitcnt_vmcnt    18 19 -                | sdst:=b32 simm16:u16   | wait
s_waitcnt_expcnt   19 1a -                | sdst:=b32 simm16:u16   | wait
s_waitcnt_lgkmcnt  1a 1b -                | sdst:=b32 simm16:u16   | wait
"""

SOPP = """
s_nop                        00                 00 00            | simm16:u16     | message
s_sethalt                    0d                 02 02            | simm16:u16     | message
s_sleep                      0e                 03 03            | simm16:u16     | message
s_set_inst_prefetch_distance 20=s_inst_prefetch 04 -             | simm16:u16     | message
s_clause                     21                 05 05            | simm16:u16     | message
s_delay_alu                  -                  07 07            | simm16:delay   | message
s_waitcnt_depctr             23                 08 08=s_wait_alu | simm16:depctr  | wait
s_waitcnt                    0c                 09 -             | simm16:waits   | wait
s_wait_idle                  22                 0a 0a            |                | wait
s_wait_event                 -                  0b 0b            | simm16:u16     | wait
s_trap                       12                 10 10            | simm16:u16     | message
s_round_mode                 24                 11 11            | simm16:u16     | message
s_denorm_mode                25                 12 12            | simm16:u16     | message
s_barrier_wait               -                  -  14            | simm16:u16     | barrier
s_barrier_leave              -                  -  15            |                | C barrier
s_code_end                   1f                 1f 1f            |                | message
s_branch                     02                 20 20            | simm16:branch  | branch
s_cbranch_scc0               04                 21 21            | simm16:branch  | c conditional
s_cbranch_scc1               05                 22 22            | simm16:branch  | c conditional
s_cbranch_vccz               06                 23 23            | simm16:branch  | v conditional
s_cbranch_vccnz              07                 24 24            | simm16:branch  | v conditional
s_cbranch_execz              08                 25 25            | simm16:branch  | x conditional
s_cbranch_execnz             09                 26 26            | simm16:branch  | x conditional
s_endpgm                     01                 30 30            | simm16:u16     | end
s_endpgm_saved               1b                 31 31            |                | end
s_setprio                    0f                 35 35            | simm16:u16     | message
s_sendmsg                    10                 36 36            | simm16:message | M message
s_sendmsghalt                11                 37 37            | simm16:message | M message
s_incperflevel               14                 38 38            | simm16:u16     | message
s_decperflevel               15                 39 39            | simm16:u16     | message
s_icache_inv                 13                 3c 3c            |                | cache
s_barrier                    0a                 3d -             |                | barrier
s_wait_loadcnt               -                  -  40            | simm16:u16     | wait
s_wait_storecnt              -                  -  41            | simm16:u16     | wait
s_wait_samplecnt             -                  -  42            | simm16:u16     | wait
s_wait_bvhcnt                -                  -  43            | simm16:u16     | wait
s_wait_expcnt                -                  -  44            | simm16:u16     | wait
s_wait_dscnt                 -                  -  46            | simm16:u16     | wait
s_wait_kmcnt                 -                  -  47            | simm16:u16     | wait
s_wait_loadcnt_dscnt         -                  -  48            | simm16:u16     | wait
s_wait_storecnt_dscnt        -                  -  49            | simm16:u16     | wait
"""
