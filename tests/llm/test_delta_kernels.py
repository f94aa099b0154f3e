"""The gated delta-net's parts against numpy in f64, however a prompt is cut."""

import itertools

import numpy as np
import pytest

from tests.llm.kernel_library import F32, F64, drawn, float_kernels, same_bits, single

CUTS = ([0, 1, 2, 30, 31, 50], [0, 50], [0, 3, 50])


@pytest.mark.parametrize("channels", [5, 96, 1000])
def test_convolution(channels: int) -> None:
    count, width = 50, 4
    x, weight = drawn(1, count, channels), drawn(2, width, channels)
    padded = np.concatenate([np.zeros((width - 1, channels)), x.astype(np.float64)])
    sums = sum(padded[tap : tap + count] * weight[tap] for tap in range(width))
    expected = sums / (1 + np.exp(-sums))
    first: F32 | None = None
    for cuts in CUTS:
        state = np.zeros((width - 1, channels), np.float32)
        out = np.zeros_like(x)
        for a, b in itertools.pairwise(cuts):
            rows = (out[a:], out.strides[0], x[a:], x.strides[0], b - a)
            float_kernels().call("delta_conv", *rows, channels, width, weight, state)
        np.testing.assert_allclose(out, expected, rtol=2e-5, atol=1e-6)
        assert same_bits(state, x[-width + 1 :])
        assert first is None or same_bits(out, first)
        first = out


def test_lengths_of_heads() -> None:
    x = drawn(3, 6, 3, 40)
    before = x.astype(np.float64)
    expected = before / np.sqrt((before**2).sum(axis=-1, keepdims=True) + 1e-6)
    float_kernels().call("delta_l2", x, x.strides[0], x.strides[1], 6, 3, 40, single(1e-6))
    np.testing.assert_allclose(x, expected, rtol=1e-6)


def test_gates_of_the_state() -> None:
    count, heads = 7, 5
    alpha, beta = 5 * drawn(4, count, heads), drawn(5, count, heads)
    bias, a = drawn(6, heads), -np.exp(drawn(7, heads))
    alpha[0, 0] = 30
    found = np.zeros((2, count, heads), np.float32)
    rows = (alpha, heads * 4, beta, heads * 4, count, heads)
    float_kernels().call("delta_gates", found[0], found[1], heads * 4, *rows, bias, a)
    soft = np.logaddexp(0, alpha.astype(np.float64) + bias)
    np.testing.assert_allclose(found[0], np.exp(a * soft), rtol=2e-6)
    np.testing.assert_allclose(found[1], 1 / (1 + np.exp(-beta.astype(np.float64))), rtol=1e-6)


class Tokens:
    """What the delta rule is given for a number of tokens."""

    def __init__(
        self, count: int, key_heads: int, value_heads: int, sizes: tuple[int, int]
    ) -> None:
        unit = np.sqrt(sizes[0])
        self.q = drawn(8, count, key_heads, sizes[0]) / np.float32(unit)
        self.k = drawn(9, count, key_heads, sizes[0]) / np.float32(unit)
        self.v = drawn(10, count, value_heads, sizes[1])
        self.decay = np.exp(-np.abs(drawn(11, count, value_heads)))
        self.beta = 1 / (1 + np.exp(-drawn(12, count, value_heads)))

    def reference(self, grouping: int) -> F64:
        """Return the outputs in f64."""
        count, value_heads, value_size = self.v.shape
        key_heads, key_size = self.k.shape[1:]
        out = np.zeros(self.v.shape)
        for head in range(value_heads):
            group = head % key_heads if grouping == 0 else head // (value_heads // key_heads)
            state = np.zeros((key_size, value_size))
            for token in range(count):
                k = self.k[token, group].astype(np.float64)
                state *= self.decay[token, head]
                state += np.outer(k, (self.v[token, head] - k @ state) * self.beta[token, head])
                out[token, head] = self.q[token, group] @ state / np.sqrt(key_size)
        return out

    def steps(self, grouping: int, cuts: list[int]) -> F32:
        """Return the outputs of the kernel, block by block."""
        _, value_heads, value_size = self.v.shape
        key_heads, key_size = self.k.shape[1:]
        state = np.zeros((value_heads, key_size, -(-value_size // 16) * 16), np.float32)
        out = np.zeros_like(self.v)
        shape = (key_heads, value_heads, key_size, value_size, grouping)
        for a, b in itertools.pairwise(cuts):
            rows = [part for x in (out, self.q, self.k, self.v) for part in (x[a:], x.strides[0])]
            gates = (self.decay[a:], self.beta[a:], value_heads * 4, b - a)
            float_kernels().call("delta_step", *rows, *gates, *shape, state)
        return out


@pytest.mark.parametrize("grouping", [0, 1])
@pytest.mark.parametrize("sizes", [(32, 32), (20, 12), (128, 128), (64, 40)])
def test_delta_rule(sizes: tuple[int, int], grouping: int) -> None:
    tokens = Tokens(50, 2, 4, sizes)
    expected = tokens.reference(grouping)
    whole = tokens.steps(grouping, [0, 50])
    np.testing.assert_allclose(whole, expected, rtol=1e-4, atol=1e-5)
    for threads in (1, 2, 3):
        float_kernels().call("set_threads", threads)
        for cuts in CUTS:
            assert same_bits(tokens.steps(grouping, cuts), whole)
    float_kernels().call("set_threads", 0)
