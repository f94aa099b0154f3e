// The few names of HIP that our kernels use, so that clang can compile them without the vendor's
// headers.
#pragma once
#define __global__ __attribute__((global))
#define __device__ __attribute__((device))
#define __host__ __attribute__((host))
#define __shared__ __attribute__((shared))
#define __launch_bounds__(...) __attribute__((launch_bounds(__VA_ARGS__)))

struct mlr_indices {
    unsigned x, y, z;
};
#define threadIdx                                                                        \
    (mlr_indices{__builtin_amdgcn_workitem_id_x(), __builtin_amdgcn_workitem_id_y(),     \
                 __builtin_amdgcn_workitem_id_z()})
#define blockIdx                                                                         \
    (mlr_indices{__builtin_amdgcn_workgroup_id_x(), __builtin_amdgcn_workgroup_id_y(),   \
                 __builtin_amdgcn_workgroup_id_z()})
#define blockDim                                                                         \
    (mlr_indices{__builtin_amdgcn_workgroup_size_x(), __builtin_amdgcn_workgroup_size_y(), \
                 __builtin_amdgcn_workgroup_size_z()})
#define gridDim                                                                          \
    (mlr_indices{__builtin_amdgcn_grid_size_x() / blockDim.x,                            \
                 __builtin_amdgcn_grid_size_y() / blockDim.y,                            \
                 __builtin_amdgcn_grid_size_z() / blockDim.z})

static __device__ inline void __threadfence_block() {
    __builtin_amdgcn_fence(__ATOMIC_SEQ_CST, "workgroup");
}
static __device__ inline void __threadfence() {
    __builtin_amdgcn_fence(__ATOMIC_SEQ_CST, "agent");
}
static __device__ inline void __syncthreads() {
    __builtin_amdgcn_fence(__ATOMIC_RELEASE, "workgroup");
    __builtin_amdgcn_s_barrier();
    __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "workgroup");
}
