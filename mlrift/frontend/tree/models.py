"""Tensors and models of neurons: the values of one alternative in, the node out."""

from mlrift.frontend import ast
from mlrift.frontend.literals import LiteralError, float_value, integer_value
from mlrift.frontend.tree.places import Places, middle_list, nodes_of
from mlrift.source import Span
from mlrift.static_types import Any


class ModelBuilder(Places):
    """Builds what the contextual words of a stream begin."""

    __slots__ = ()

    # ------------------------------------------------------------------------------ types

    def tensor_type(self, values: list[Any]) -> ast.TensorTypeName:
        """`tensor f32[B, D]`."""
        word, element, _, extents, closing = values
        return ast.TensorTypeName(element, extents, self.between(word, closing))

    def csr_type(self, values: list[Any]) -> ast.CsrTypeName:
        """`csr f64[a, b]`."""
        word, element, _, sources, _, targets, closing = values
        return ast.CsrTypeName(element, sources, targets, self.between(word, closing))

    def vector_type(self, values: list[Any]) -> ast.VectorTypeName:
        """`vec f32[16]`."""
        word, element, _, lanes, closing = values
        return ast.VectorTypeName(element, lanes, self.between(word, closing))

    def events_type(self, token: int) -> ast.EventsTypeName:
        """`events`."""
        return ast.EventsTypeName(self.token_span(token))

    # ------------------------------------------------------------------------ expressions

    def whole_span(self, token: int) -> ast.IndexSpan:
        """`..`."""
        return ast.IndexSpan(None, None, self.token_span(token))

    def span_to(self, values: list[Any]) -> ast.IndexSpan:
        """`..end`."""
        dots, end = values
        return ast.IndexSpan(None, end, self.from_token(dots, end.span.end))

    def span_from(self, values: list[Any]) -> ast.IndexSpan:
        """`first..`."""
        first, dots = values
        return ast.IndexSpan(first, None, Span(self.file, first.span.start, self.end(dots)))

    def span_between(self, values: list[Any]) -> ast.IndexSpan:
        """`first..end`."""
        first, _, end = values
        return ast.IndexSpan(first, end, Span(self.file, first.span.start, end.span.end))

    def index_axes(self, values: list[Any]) -> ast.IndexAxes:
        """`base[i, j..k]`."""
        base, _, first, _, others, closing = values
        span = Span(self.file, base.span.start, self.end(closing))
        return ast.IndexAxes(base, [first, *others], span)

    def cast(self, values: list[Any]) -> ast.Cast:
        """`value as T`."""
        operand, _, type_name = values
        return ast.Cast(operand, type_name, Span(self.file, operand.span.start, type_name.span.end))

    def quantity(self, values: list[Any]) -> ast.Quantity:
        """`10ms`."""
        token, unit = values
        span = self.between(token, unit)
        return ast.Quantity(self._number(token), self.texts[unit], span)

    def _number(self, token: int) -> ast.IntegerLiteral | ast.FloatLiteral:
        text, span = self.texts[token], self.token_span(token)
        try:
            if text.isdigit():
                return ast.IntegerLiteral(integer_value(text), span)
            value, is_single = float_value(text)
        except LiteralError as error:
            self.sink.emit(error.diagnostic(self.file, span.start))
            return ast.IntegerLiteral(0, span)
        return ast.FloatLiteral(value, is_single, span)

    # ------------------------------------------------------------------------- statements

    def declare_view(self, values: list[Any]) -> ast.DeclareView:
        """`tensor T[N] name at address`."""
        type_name, token, _, address = values
        span = Span(self.file, type_name.span.start, address.span.end)
        return ast.DeclareView(type_name, self.name(token), address, span)

    def for_each(self, values: list[Any]) -> ast.ForEach:
        """`for name in sequence { }`."""
        word, name, _, sequence, body = values
        span = self.from_token(word, body.span.end)
        return ast.ForEach(self.name(name), sequence, body, span)

    def for_each_edge(self, values: list[Any]) -> ast.ForEachEdge:
        """`for i, j in connections { }`."""
        word, source, _, target, _, sequence, body = values
        span = self.from_token(word, body.span.end)
        return ast.ForEachEdge(self.name(source), self.name(target), sequence, body, span)

    def build_statement(self, values: list[Any]) -> ast.Build:
        """`build { }`."""
        word, body = values
        return ast.Build(body, self.from_token(word, body.span.end))

    def decay(self, values: list[Any]) -> ast.Decay:
        """`decay name time_constant`."""
        word, name, time_constant = values
        span = self.from_token(word, time_constant.span.end)
        return ast.Decay(self.name(name), time_constant, None, span)

    def decay_to(self, values: list[Any]) -> ast.Decay:
        """`decay name time_constant to level`."""
        word, name, time_constant, _, level = values
        span = self.from_token(word, level.span.end)
        return ast.Decay(self.name(name), time_constant, level, span)

    def derivative(self, values: list[Any]) -> ast.Derivative:
        """`d name = rate`."""
        word, name, _, rate = values
        return ast.Derivative(self.name(name), rate, None, self.from_token(word, rate.span.end))

    def derivative_by(self, values: list[Any]) -> ast.Derivative:
        """`d name = rate by method`."""
        word, name, _, rate, _, method = values
        return ast.Derivative(self.name(name), rate, self.name(method), self.between(word, method))

    def spike(self, values: list[Any]) -> ast.Spike:
        """`spike condition { }`."""
        word, condition, body = values
        return ast.Spike(condition, body, self.from_token(word, body.span.end))

    def hold(self, values: list[Any]) -> ast.Hold:
        """`hold name duration`."""
        word, name, duration = values
        span = self.from_token(word, duration.span.end)
        return ast.Hold(self.name(name), duration, span)

    # ------------------------------------------------------------------------------ items

    def dynamics(self, values: list[Any]) -> ast.Dynamics:
        """`dynamics name of struct by method fast { }`; without `of` the name is the struct's."""
        word, first, of_word, second, _, method, fast, body = values
        struct = self.name(first if of_word is None else second)
        span = self.from_token(word, self.end(method))
        name = self.name(first)
        return ast.Dynamics(name, struct, self.name(method), fast is not None, body, span)

    def plasticity(self, values: list[Any]) -> ast.Plasticity:
        """`plasticity struct(T pre, U post) { rules }`."""
        word, struct, _, pre_type, pre, _, post_type, post, closing = values[:9]
        rules = nodes_of(middle_list(values, 11))
        span = self.between(word, closing)
        return ast.Plasticity(
            self.name(struct), pre_type, self.name(pre), post_type, self.name(post), rules, span
        )

    def on_spike(self, values: list[Any]) -> ast.OnSpike:
        """`on pre { }`."""
        word, side, body = values
        return ast.OnSpike(self.name(side), body, self.from_token(word, body.span.end))
