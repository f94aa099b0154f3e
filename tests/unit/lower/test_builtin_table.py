"""The builtin table holds every builtin of reference.md 13.1 to 13.6."""

from mlrift.frontend.builtins.table import BUILTINS
from mlrift.typesystem import DOUBLE, S64, SINGLE, U64

ARITIES = {
    0: """get_target_os get_arch_id time_ns isb dsb dmb os_yield os_cpu_count os_argument_count
        os_arguments os_environment os_wall_ns os_parallel_threads""",
    1: """exit exec_process set_executable alloc dealloc load8 load16 load32 load64 vload8 vload16
        vload32 vload64 file_close file_size print_str println_str str_len atomic_load dcache_flush
        icache_invalidate int_to_f64 int_to_f32 f64_to_int f32_to_int f32_to_f64 f64_to_f32
        f32_to_f16 f16_to_f32 sqrt sqrt_f64 sqrt_f32 os_thread_join os_thread_detach
        os_thread_local os_sleep_ns os_pipe os_process_wait os_process_kill os_file_sync
        os_file_remove os_is_terminal os_folder_make
        os_folder_remove os_folder_open os_folder_close os_socket_close os_parallel_set_threads
        os_socket_accept os_socket_error""",
    2: """exec_process_argv get_module_path store8 store16 store32 store64 vstore8 vstore16 vstore32
        vstore64 file_open fmt_uint str_eq bit_get bit_set bit_clear bit_toggle signed_lt signed_gt
        signed_le signed_ge atomic_store atomic_add atomic_sub atomic_and atomic_or atomic_xor
        os_wake_word os_at_exit os_file_truncate os_file_info os_file_info_open os_file_rename
        os_file_unmap os_folder_current os_socket_listen os_socket_shutdown os_socket_blocking""",
    3: """memcpy memset write read file_read file_write bit_range atomic_cas fma_f64
        os_thread_start os_wait_word os_file_seek os_folder_next os_socket_open
        os_socket_bind os_socket_connect os_socket_address os_socket_poll
        os_resolve os_parallel_parts
        fma_fused_f64 fma_fused_f32""",
    4: "bit_insert os_process_start os_file_map os_socket_receive",
    5: "os_socket_send os_socket_set os_parallel_run",
    7: "syscall_raw",
    11: "os_matmul_f32 os_matmul_f64 os_matmul_bf16 os_matmul_f16 os_matmul_i8",
    14: "os_conv_f32 os_conv_f64 os_conv_bf16 os_conv_f16 os_conv_i8",
}


def test_every_builtin_has_its_arity() -> None:
    expected = {name: count for count, names in ARITIES.items() for name in names.split()}
    assert {name: len(row.parameters) for name, row in BUILTINS.items()} == expected


def test_float_results_are_typed() -> None:
    assert BUILTINS["sqrt"].result is DOUBLE
    assert BUILTINS["f16_to_f32"].result is SINGLE
    assert BUILTINS["f32_to_int"].result is S64
    assert BUILTINS["f32_to_f16"].result is U64


def test_words_from_memory_are_raw_bits() -> None:
    raw = {name for name, row in BUILTINS.items() if row.is_raw_bits}
    assert {"load64", "vload32", "atomic_add", "atomic_load"} <= raw
    assert not raw & {"alloc", "str_len", "f64_to_int", "write"}


def test_only_exit_never_returns() -> None:
    assert [name for name, row in BUILTINS.items() if row.never_returns] == ["exit"]
