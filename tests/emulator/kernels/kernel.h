// What all test kernels share: short names and the index of a work item.
typedef unsigned char u8;
typedef signed char i8;
typedef unsigned short u16;
typedef short i16;
typedef unsigned int u32;
typedef int i32;
typedef unsigned long u64;
typedef long i64;
typedef _Float16 f16;
#define KERNEL __attribute__((amdgpu_kernel, visibility("protected")))
#define G __attribute__((address_space(1)))
#define LDS __attribute__((address_space(3), loader_uninitialized))
#define GROUP 64
static inline u32 lane(void) { return __builtin_amdgcn_workitem_id_x(); }
static inline u32 item(void) { return __builtin_amdgcn_workgroup_id_x() * GROUP + lane(); }
static inline void barrier(void) {
    __builtin_amdgcn_fence(__ATOMIC_RELEASE, "workgroup");
    __builtin_amdgcn_s_barrier();
    __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "workgroup");
}
