"""Packed, dot and matrix instructions (VOP3P) and the halves of dual issue (VOPD).

A line is an operation: its name (gfx11's, or gfx12's for what gfx11 lacks), its opcode on gfx10.3,
gfx11 and gfx12 in hexadecimal (`-` where it is missing, `=name` where the mnemonic differs), its
operands in the order of the assembler's text, and flags. `rows.py` says how they are read.

Sources: AMD's instruction set manuals of RDNA 2, 3 and 4, chapter "Instructions", sections VOP3P
and VOPD. Flags of VOP3P: `n` neg_lo and neg_hi, `l` neg_lo, `s` op_sel and op_sel_hi,
each with the bits that may be set; `c` clamp, `d` DPP. A matrix operation has lines of its own
per generation, because the sizes of its fragments differ.

The opcode of a VOPD line is that of the Y half; the X half has the same where it is below 16.
"""

VOP3P = """
v_pk_mad_i16                00 00 00 | pi16 pi16 pi16 pi16                   | n7s7c
v_pk_mul_lo_u16             01 01 01 | pi16 pi16 pi16                        | n3s3c
v_pk_add_i16                02 02 02 | pi16 pi16 pi16                        | n3s3c
v_pk_sub_i16                03 03 03 | pi16 pi16 pi16                        | n3s3c
v_pk_lshlrev_b16            04 04 04 | pi16 pi16 pi16                        | n3s3c
v_pk_lshrrev_b16            05 05 05 | pi16 pi16 pi16                        | n3s3c
v_pk_ashrrev_i16            06 06 06 | pi16 pi16 pi16                        | n3s3c
v_pk_max_i16                07 07 07 | pi16 pi16 pi16                        | n3s3c
v_pk_min_i16                08 08 08 | pi16 pi16 pi16                        | n3s3c
v_pk_mad_u16                09 09 09 | pi16 pi16 pi16 pi16                   | n7s7c
v_pk_add_u16                0a 0a 0a | pi16 pi16 pi16                        | n3s3c
v_pk_sub_u16                0b 0b 0b | pi16 pi16 pi16                        | n3s3c
v_pk_max_u16                0c 0c 0c | pi16 pi16 pi16                        | n3s3c
v_pk_min_u16                0d 0d 0d | pi16 pi16 pi16                        | n3s3c
v_pk_fma_f16                0e 0e 0e | pf16 pf16 pf16 pf16                   | n7s7c
v_pk_add_f16                0f 0f 0f | pf16 pf16 pf16                        | n3s3c
v_pk_mul_f16                10 10 10 | pf16 pf16 pf16                        | n3s3c
v_pk_min_f16                11 11 1b | pf16 pf16 pf16                        | n3s3c
v_pk_max_f16                12 12 1c | pf16 pf16 pf16                        | n3s3c
v_dot2_f32_f16              13 13 13 | f32 pf16 pf16 f32                     | n7s7cd
v_dot2_i32_i16              14 -  -  | i32 pi16 pi16 i32                     | n7s7c
v_dot2_u32_u16              15 -  -  | u32 pi16 pi16 u32                     | n7s7c
v_dot4_i32_i8               16 -  -  | i32 pi8 pi8 i32                       | n7c
v_dot4_i32_iu8              -  16 16 | i32 pi8 pi8 i32                       | n7c
v_dot4_u32_u8               17 17 17 | u32 pi8 pi8 u32                       | n7c
v_dot8_i32_i4               18 -  -  | i32 pi4 pi4 i32                       | n7c
v_dot8_i32_iu4              -  18 18 | i32 pi4 pi4 i32                       | n7c
v_dot8_u32_u4               19 19 19 | u32 pi4 pi4 u32                       | n7c
v_dot2_f32_bf16             -  1a 1a | f32 pbf16 pbf16 f32                   | n7s7cd
v_pk_minimum_f16            -  -  1d | pf16 pf16 pf16                        | n3s3c
v_pk_maximum_f16            -  -  1e | pf16 pf16 pf16                        | n3s3c
v_fma_mix_f32               20 20 20 | f32 f32 f32 f32                       | n7s7cd
v_fma_mixlo_f16             21 21 21 | +f16 f32 f32 f32                      | n7s7cd
v_fma_mixhi_f16             22 22 22 | +f16 f32 f32 f32                      | n7s7cd
v_dot4_f32_fp8_bf8          -  -  24 | f32 pf8 pf8 f32                       | n4
v_dot4_f32_bf8_fp8          -  -  25 | f32 pf8 pf8 f32                       | n4
v_dot4_f32_fp8_fp8          -  -  26 | f32 pf8 pf8 f32                       | n4
v_dot4_f32_bf8_bf8          -  -  27 | f32 pf8 pf8 f32                       | n4
v_wmma_f32_16x16x16_f16     -  40 -  | f32*8 v.pf16*8 v.pf16*8 w.f32*8       | n7
v_wmma_f32_16x16x16_f16     -  -  40 | f32*8 v.pf16*4 v.pf16*4 w.f32*8       | n7
v_wmma_f32_16x16x16_bf16    -  41 -  | f32*8 v.pbf16*8 v.pbf16*8 w.f32*8     | n7
v_wmma_f32_16x16x16_bf16    -  -  41 | f32*8 v.pbf16*4 v.pbf16*4 w.f32*8     | n7
v_wmma_f16_16x16x16_f16     -  42 -  | pf16*8 v.pf16*8 v.pf16*8 w.pf16*8     | n7s7
v_wmma_f16_16x16x16_f16     -  -  42 | pf16*4 v.pf16*4 v.pf16*4 w.pf16*4     | n7
v_wmma_bf16_16x16x16_bf16   -  43 -  | pbf16*8 v.pbf16*8 v.pbf16*8 w.pbf16*8 | n7s7
v_wmma_bf16_16x16x16_bf16   -  -  43 | pbf16*4 v.pbf16*4 v.pbf16*4 w.pbf16*4 | n7
v_wmma_i32_16x16x16_iu8     -  44 -  | i32*8 v.pi8*4 v.pi8*4 w.i32*8         | n7c
v_wmma_i32_16x16x16_iu8     -  -  44 | i32*8 v.pi8*2 v.pi8*2 w.i32*8         | l3c
v_wmma_i32_16x16x16_iu4     -  45 -  | i32*8 v.pi4*2 v.pi4*2 w.i32*8         | n7c
v_wmma_i32_16x16x16_iu4     -  -  45 | i32*8 v.pi4 v.pi4 w.i32*8             | l3c
v_wmma_f32_16x16x16_fp8_fp8 -  -  46 | f32*8 v.pf8*2 v.pf8*2 w.f32*8         | n4
v_wmma_f32_16x16x16_fp8_bf8 -  -  47 | f32*8 v.pf8*2 v.pf8*2 w.f32*8         | n4
v_wmma_f32_16x16x16_bf8_fp8 -  -  48 | f32*8 v.pf8*2 v.pf8*2 w.f32*8         | n4
v_wmma_f32_16x16x16_bf8_bf8 -  -  49 | f32*8 v.pf8*2 v.pf8*2 w.f32*8         | n4
v_wmma_i32_16x16x32_iu4     -  -  4a | i32*8 v.pi4*2 v.pi4*2 w.i32*8         | l3c
"""

VOPD = """
v_dual_fmac_f32         - 00 00                    | +f32 f32 f32   |
v_dual_fmaak_f32        - 01 01                    | f32 f32 f32 k  |
v_dual_fmamk_f32        - 02 02                    | f32 f32 k f32  |
v_dual_mul_f32          - 03 03                    | f32 f32 f32    |
v_dual_add_f32          - 04 04                    | f32 f32 f32    |
v_dual_sub_f32          - 05 05                    | f32 f32 f32    |
v_dual_subrev_f32       - 06 06                    | f32 f32 f32    |
v_dual_mul_dx9_zero_f32 - 07 07                    | f32 f32 f32    |
v_dual_mov_b32          - 08 08                    | b32 b32        |
v_dual_cndmask_b32      - 09 09                    | b32 b32 b32    | v
v_dual_max_f32          - 0a 0a=v_dual_max_num_f32 | f32 f32 f32    |
v_dual_min_f32          - 0b 0b=v_dual_min_num_f32 | f32 f32 f32    |
v_dual_dot2acc_f32_f16  - 0c 0c                    | +f32 pf16 pf16 |
v_dual_dot2acc_f32_bf16 - 0d 0d                    | +f32 pbf16 pbf16 |
v_dual_add_nc_u32       - 10 10                    | u32 u32 u32    |
v_dual_lshlrev_b32      - 11 11                    | b32 u32 b32    |
v_dual_and_b32          - 12 12                    | b32 b32 b32    |
"""
