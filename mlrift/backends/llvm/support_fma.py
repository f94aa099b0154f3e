"""`fma` and `fmaf` as LLVM text, for CPUs without the instruction: exact, then rounded once.

`fma` works on integers of 128 bits: the product of the two mantissas and the addend, aligned; what
falls off at the low end is kept as a sticky bit. `fmaf` rounds its sum in f64 to odd, which makes
the second rounding harmless (24 + 2 bits fit in 53). Programs are linked with them; objects for
other linkers hold them, as C's are in a library of their own on some systems, or missing.
"""

import re

_SPLIT = f"""
define internal {{ i64, i64 }} @fma.split(i64 %bits) #0 section ".text.fma.split" {{
  %field = lshr i64 %bits, 52
  %exponent = and i64 %field, 2047
  %fraction = and i64 %bits, {(1 << 52) - 1}
  %small = icmp eq i64 %exponent, 0
  %whole = or i64 %fraction, {1 << 52}
  %zeros = call i64 @llvm.ctlz.i64(i64 %fraction, i1 false)
  %up = sub i64 %zeros, 11
  %safe = and i64 %up, 63
  %raised = shl i64 %fraction, %safe
  %mantissa = select i1 %small, i64 %raised, i64 %whole
  %low = sub i64 1, %up
  %power = select i1 %small, i64 %low, i64 %exponent
  %unbiased = sub i64 %power, 1075
  %first = insertvalue {{ i64, i64 }} undef, i64 %mantissa, 0
  %both = insertvalue {{ i64, i64 }} %first, i64 %unbiased, 1
  ret {{ i64, i64 }} %both
}}
"""

# Shift right by any count; bits that fall off leave a one.
_JAM = """
define internal i128 @fma.jam(i128 %value, i64 %count) #0 section ".text.fma.jam" {
  %far = icmp ugt i64 %count, 127
  %near = select i1 %far, i64 127, i64 %count
  %wide = zext i64 %near to i128
  %moved = lshr i128 %value, %wide
  %back = shl i128 %moved, %wide
  %lost = icmp ne i128 %back, %value
  %sticky = zext i1 %lost to i128
  %result = or i128 %moved, %sticky
  ret i128 %result
}
"""

_DOUBLE = """
define hidden double @fma(double %a, double %b, double %c) #0 section ".text.fma" {
entry:
  %plain.product = fmul double %a, %b
  %abits = bitcast double %a to i64
  %bbits = bitcast double %b to i64
  %cbits = bitcast double %c to i64
  %adown = shl i64 %abits, 1
  %bdown = shl i64 %bbits, 1
  %cdown = shl i64 %cbits, 1
  %aspecial = icmp uge i64 %adown, -9007199254740992
  %bspecial = icmp uge i64 %bdown, -9007199254740992
  %cspecial = icmp uge i64 %cdown, -9007199254740992
  %azero = icmp eq i64 %adown, 0
  %bzero = icmp eq i64 %bdown, 0
  %czero = icmp eq i64 %cdown, 0
  %abspecial = or i1 %aspecial, %bspecial
  %abzero = or i1 %azero, %bzero
  %plain = or i1 %abspecial, %abzero
  br i1 %plain, label %usual, label %nonzero
usual:
  %plain.sum = fadd double %plain.product, %c
  ret double %plain.sum
nonzero:
  br i1 %cspecial, label %addend, label %finite
addend:
  %quiet = fadd double %c, 0.0
  ret double %quiet
finite:
  br i1 %czero, label %product, label %split
product:
  ret double %plain.product
split:
  %asplit = call { i64, i64 } @fma.split(i64 %abits)
  %bsplit = call { i64, i64 } @fma.split(i64 %bbits)
  %csplit = call { i64, i64 } @fma.split(i64 %cbits)
  %ma = extractvalue { i64, i64 } %asplit, 0
  %ea = extractvalue { i64, i64 } %asplit, 1
  %mb = extractvalue { i64, i64 } %bsplit, 0
  %eb = extractvalue { i64, i64 } %bsplit, 1
  %mc = extractvalue { i64, i64 } %csplit, 0
  %ec = extractvalue { i64, i64 } %csplit, 1
  %wa = zext i64 %ma to i128
  %wb = zext i64 %mb to i128
  %wc = zext i64 %mc to i128
  %p = mul i128 %wa, %wb
  %praised = shl i128 %p, 20
  %eab = add i64 %ea, %eb
  %ep = sub i64 %eab, 20
  %s = sub i64 %ec, %ep
  %high = icmp sgt i64 %s, 73
  %low = icmp slt i64 %s, 0
  %over = sub i64 %s, 73
  %under = sub i64 0, %s
  %up = select i1 %high, i64 73, i64 %s
  %upsafe = select i1 %low, i64 0, i64 %up
  %upwide = zext i64 %upsafe to i128
  %craised = shl i128 %wc, %upwide
  %cdowncount = select i1 %low, i64 %under, i64 0
  %caligned = call i128 @fma.jam(i128 %craised, i64 %cdowncount)
  %pdowncount = select i1 %high, i64 %over, i64 0
  %paligned = call i128 @fma.jam(i128 %praised, i64 %pdowncount)
  %cbase = sub i64 %ec, 73
  %er = select i1 %high, i64 %cbase, i64 %ep
  %absign = xor i64 %abits, %bbits
  %pnegative = icmp slt i64 %absign, 0
  %cnegative = icmp slt i64 %cbits, 0
  %pminus = sub i128 0, %paligned
  %cminus = sub i128 0, %caligned
  %psigned = select i1 %pnegative, i128 %pminus, i128 %paligned
  %csigned = select i1 %cnegative, i128 %cminus, i128 %caligned
  %sum = add i128 %psigned, %csigned
  %none = icmp eq i128 %sum, 0
  br i1 %none, label %zero, label %round
zero:
  ret double 0.0
round:
  %negative = icmp slt i128 %sum, 0
  %minus = sub i128 0, %sum
  %m = select i1 %negative, i128 %minus, i128 %sum
  %zeros = call i128 @llvm.ctlz.i128(i128 %m, i1 true)
  %top = shl i128 %m, %zeros
  %tophigh = call i128 @fma.jam(i128 %top, i64 64)
  %head = trunc i128 %tophigh to i64
  %zeros64 = trunc i128 %zeros to i64
  %et = sub i64 %er, %zeros64
  %e = add i64 %et, 127
  %tiny = icmp slt i64 %e, -1022
  %deep = sub i64 -1022, %e
  %downcount = select i1 %tiny, i64 %deep, i64 0
  %headwide = zext i64 %head to i128
  %placedwide = call i128 @fma.jam(i128 %headwide, i64 %downcount)
  %placed = trunc i128 %placedwide to i64
  %kept = lshr i64 %placed, 11
  %rest = and i64 %placed, 2047
  %odd = and i64 %kept, 1
  %pushed = add i64 %rest, %odd
  %up1 = icmp ugt i64 %pushed, 1024
  %carry = zext i1 %up1 to i64
  %rounded = add i64 %kept, %carry
  %biased = add i64 %e, 1022
  %field = shl i64 %biased, 52
  %base = select i1 %tiny, i64 0, i64 %field
  %packed = add i64 %base, %rounded
  %big = icmp sgt i64 %e, 1023
  %magnitude = select i1 %big, i64 9218868437227405312, i64 %packed
  %signbit = select i1 %negative, i64 -9223372036854775808, i64 0
  %bits = or i64 %magnitude, %signbit
  %result = bitcast i64 %bits to double
  ret double %result
}
"""

_SINGLE = """
define hidden float @fmaf(float %a, float %b, float %c) #0 section ".text.fmaf" {
  %wa = fpext float %a to double
  %wb = fpext float %b to double
  %wc = fpext float %c to double
  %p = fmul double %wa, %wb
  %s = fadd double %p, %wc
  %part = fsub double %s, %p
  %other = fsub double %s, %part
  %plost = fsub double %p, %other
  %clost = fsub double %wc, %part
  %rest = fadd double %plost, %clost
  %bits = bitcast double %s to i64
  %exact = fcmp ueq double %rest, 0.0
  %last = and i64 %bits, 1
  %isodd = icmp ne i64 %last, 0
  %keep = or i1 %exact, %isodd
  %upwards = fcmp ogt double %rest, 0.0
  %positive = icmp sgt i64 %bits, -1
  %same = icmp eq i1 %upwards, %positive
  %step = select i1 %same, i64 1, i64 -1
  %moved = add i64 %bits, %step
  %chosen = select i1 %keep, i64 %bits, i64 %moved
  %odd = bitcast i64 %chosen to double
  %result = fptrunc double %odd to float
  ret float %result
}
"""

_COUNTS = {
    "llvm.ctlz.i64": "declare i64 @llvm.ctlz.i64(i64, i1)",
    "llvm.ctlz.i128": "declare i128 @llvm.ctlz.i128(i128, i1)",
}

FMA_TEXT = "\n".join([_SPLIT, _JAM, _DOUBLE, _SINGLE, *_COUNTS.values()])


def local_fma_functions() -> dict[str, str]:
    """Return name -> definition of what a module needs that has these functions for itself."""
    parts = {"fma.split": _SPLIT, "fma.jam": _JAM, "fma": _DOUBLE, "fmaf": _SINGLE}
    return {name: _local(text) for name, text in parts.items()} | _COUNTS


def _local(text: str) -> str:
    return re.sub(r' section "[^"]*"', "", text).replace("define hidden", "define internal", 1)
