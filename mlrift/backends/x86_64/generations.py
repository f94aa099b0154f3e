"""Which level of x86-64 the processor and the system offer, as machine code.

The levels up to 4 are those of the System V ABI for AMD64, section 3.1.1; 5 is 4 with VNNI, 6 is 5
with BF16. Bits are from the Intel manual, volume 2, CPUID. The registers of AVX count only if the
system saves them (XGETBV).
"""

# push rbx; mov r11d, 2; xor eax, eax; cpuid; cmp eax, 7; jb done
_LEAVES = "53 41bb02000000 31c0 0fa2 83f807 0f829e000000"
# mov eax, 1; xor ecx, ecx; cpuid; FMA, MOVBE, OSXSAVE, AVX, F16C in ecx or done
_AVX = "b801000000 31c9 0fa2 81e100104038 81f900104038 0f8583000000"
# xor ecx, ecx; xgetbv; mov r8d, eax; and eax, 6; cmp eax, 6; jne done
_SAVED = "31c9 0f01d0 4189c0 83e006 83f806 7573"
# leaf 0x80000001 exists, or done; LZCNT in ecx, or done
_LZCNT = "b800000080 0fa2 3d01000080 7265 b801000080 0fa2 f7c120000000 7456"
# leaf 7: BMI1, AVX2, BMI2 in ebx, or done; inc r11d
_AVX2 = "b807000000 31c9 0fa2 89d8 2528010000 3d28010000 753f 41ffc3"
# and r8d, 0xE6; cmp r8d, 0xE6; jne done; AVX512 F, DQ, CD, BW, VL in ebx, or done; inc r11d
_AVX512 = "4181e0e6000000 4181f8e6000000 752c 81e3000003d0 81fb000003d0 751e 41ffc3"
# AVX512_VNNI in ecx, or done; inc r11d
_VNNI = "f6c508 7416 41ffc3"
# leaf 7, second part, which is zeros where it is not: AVX512_BF16 in eax, or done; inc r11d
_BF16 = "b807000000 b901000000 0fa2 a820 7403 41ffc3"
# done: mov eax, r11d; pop rbx; ret
_END = "4489d8 5b c3"

# Gives 2 to 6; keeps all registers but those that every call may change.
_PARTS = (_LEAVES, _AVX, _SAVED, _LZCNT, _AVX2, _AVX512, _VNNI, _BF16, _END)
DETECT = bytes.fromhex("".join(_PARTS))
