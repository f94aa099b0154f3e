/* A program for /dev/kfd that does one thing, named by its argument, and says how it went. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kfd_ioctl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int kfd, render;
static uint32_t gpu;

static int number(const char *path, const char *name) {
    char line[256], word[128];
    long value;
    FILE *file = fopen(path, "r");
    if (!file) return -1;
    while (fgets(line, sizeof line, file)) {
        if (!name && sscanf(line, "%ld", &value) == 1) { fclose(file); return value; }
        if (name && sscanf(line, "%127s %ld", word, &value) == 2 && !strcmp(word, name)) {
            fclose(file);
            return value;
        }
    }
    fclose(file);
    return -1;
}

static void say(int result, int wanted) { printf("%d %d\n", result, errno == wanted); }

static char *allocate(struct kfd_ioctl_alloc_memory_of_gpu_args *made, uint64_t size, uint32_t flags) {
    void *place = mmap(0, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    *made = (struct kfd_ioctl_alloc_memory_of_gpu_args){
        .va_addr = (uint64_t)place, .size = size, .gpu_id = gpu, .flags = flags};
    if (ioctl(kfd, AMDKFD_IOC_ALLOC_MEMORY_OF_GPU, made)) return 0;
    struct kfd_ioctl_map_memory_to_gpu_args map = {made->handle, (uint64_t)&gpu, 1, 0};
    if (ioctl(kfd, AMDKFD_IOC_MAP_MEMORY_TO_GPU, &map) || map.n_success != 1) return 0;
    return mmap(place, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, render, made->mmap_offset);
}

static void release(struct kfd_ioctl_alloc_memory_of_gpu_args *made) {
    struct kfd_ioctl_unmap_memory_from_gpu_args unmap = {made->handle, (uint64_t)&gpu, 1, 0};
    struct kfd_ioctl_free_memory_of_gpu_args gone = {made->handle};
    ioctl(kfd, AMDKFD_IOC_UNMAP_MEMORY_FROM_GPU, &unmap);
    ioctl(kfd, AMDKFD_IOC_FREE_MEMORY_OF_GPU, &gone);
}

/* Open the files of the card and take its address space; the result of the latter. */
static int open_card(void) {
    char path[64];
    kfd = open("/dev/kfd", O_RDWR | O_CLOEXEC);
    sprintf(path, "/dev/dri/renderD%d",
            number("/sys/class/kfd/kfd/topology/nodes/1/properties", "drm_render_minor"));
    render = open(path, O_RDWR);
    gpu = number("/sys/class/kfd/kfd/topology/nodes/1/gpu_id", 0);
    struct kfd_ioctl_acquire_vm_args acquire = {render, gpu};
    return ioctl(kfd, AMDKFD_IOC_ACQUIRE_VM, &acquire);
}

/* A forked child: nothing of its parent's card is its own, and it opens one for itself. */
static int in_child(struct kfd_ioctl_alloc_memory_of_gpu_args *parents) {
    struct kfd_ioctl_get_version_args version;
    struct kfd_ioctl_alloc_memory_of_gpu_args own;
    say(ioctl(kfd, AMDKFD_IOC_GET_VERSION, &version), EBADF);
    void *made = mmap(0, 8192, PROT_READ, MAP_SHARED, render, parents->mmap_offset);
    printf("%d %d\n", made == MAP_FAILED, errno == EINVAL);
    printf("%d\n", open_card());
    char *text = allocate(&own, 8192, 0xB0000002);
    strcpy(text, "a child's own");
    puts(text);
    fflush(stdout);
    release(&own);
    return 0;
}

/* Programs that start others: "fork", "run WORD", "become WORD" and "late WORD". */
static int with_others(char **words) {
    const char *what = words[1];
    struct kfd_ioctl_alloc_memory_of_gpu_args memory;
    char *others[] = {words[0], words[2], 0};
    int status = 0;
    open_card();
    if (!strcmp(what, "become")) return execv(words[0], others);
    char *text = allocate(&memory, 8192, 0xB0000002);
    strcpy(text, "the parent's");
    pid_t child = fork();
    if (!child) {
        if (!strcmp(what, "fork")) return in_child(&memory);
        if (!strcmp(what, "late")) usleep(300000);
        return execv(words[0], others);
    }
    if (strcmp(what, "late")) {
        waitpid(child, &status, 0);
        printf("%s %d\n", text, status >> 8);
    }
    release(&memory);
    return 0;
}

int main(int count, char **words) {
    setbuf(stdout, 0);
    if (count > 2 || (count > 1 && !strcmp(words[1], "fork"))) return with_others(words);

    const char *what = count > 1 ? words[1] : "";
    const char *folder = "/sys/class/kfd/kfd/topology/nodes/1/properties";
    struct kfd_ioctl_alloc_memory_of_gpu_args memory;
    if (!strcmp(what, "other-files")) {
        FILE *file = fopen("/proc/self/comm", "r");
        printf("%d %d\n", file != 0, open("/nowhere", O_RDONLY));
        return 7;
    }
    int acquired = open_card();
    struct kfd_ioctl_get_version_args version;
    ioctl(kfd, AMDKFD_IOC_GET_VERSION, &version);
    if (!strcmp(what, "start")) {
        DIR *nodes = opendir("/sys/class/kfd/kfd/topology/nodes");
        int entries = 0;
        struct dirent *entry;
        while ((entry = readdir(nodes))) entries += entry->d_name[0] != '.';
        struct kfd_process_device_apertures apertures[1];
        struct kfd_ioctl_get_process_apertures_new_args asked = {(uint64_t)apertures, 1, 0};
        ioctl(kfd, AMDKFD_IOC_GET_PROCESS_APERTURES_NEW, &asked);
        printf("%d.%d %d %d %d %d\n", version.major_version, version.minor_version, acquired,
               number(folder, "gfx_target_version"), entries, apertures[0].gpu_id == gpu);
        say(open("/dev/dri/renderD300", O_RDWR), ENOENT);
    } else if (!strcmp(what, "memory")) {
        char *text = allocate(&memory, 8192, 0xB0000002);
        strcpy(text, "seen by both");
        puts(text);
        release(&memory);
    } else if (!strcmp(what, "left")) {
        allocate(&memory, 8192, 0xB0000002);
        puts("done");
    } else if (!strcmp(what, "part")) {
        allocate(&memory, 8192, 0xB0000002);
        void *made = mmap(0, 4096, PROT_READ, MAP_SHARED, render, memory.mmap_offset);
        printf("%d %d\n", made == MAP_FAILED, errno == EINVAL);
        release(&memory);
    } else if (!strcmp(what, "twice")) {
        struct kfd_ioctl_acquire_vm_args acquire = {render, gpu};
        say(ioctl(kfd, AMDKFD_IOC_ACQUIRE_VM, &acquire), EBUSY);
    } else if (!strcmp(what, "unknown")) {
        say(ioctl(kfd, _IOWR('K', 0x70, uint64_t), &memory), ENOTTY);
    } else if (!strcmp(what, "pointer")) {
        say(ioctl(kfd, AMDKFD_IOC_GET_VERSION, (void *)8), EFAULT);
    } else if (!strcmp(what, "doorbell")) {
        void *made = mmap(0, 8192, PROT_READ, MAP_SHARED, kfd, 0);
        printf("%d %d\n", made == MAP_FAILED, errno == EINVAL);
    } else if (!strcmp(what, "clock")) {
        struct timespec first, second;
        syscall(228, CLOCK_MONOTONIC, &first);
        syscall(228, CLOCK_MONOTONIC, &second);
        long passed = (second.tv_sec - first.tv_sec) * 1000000000L + second.tv_nsec - first.tv_nsec;
        printf("%d\n", passed >= 0 && passed < 1000000000L);
    } else if (!strcmp(what, "shared clock")) {
        struct timespec by_call, by_library;
        syscall(228, CLOCK_MONOTONIC, &by_call);
        clock_gettime(CLOCK_MONOTONIC, &by_library);
        printf("%d\n", by_library.tv_sec - by_call.tv_sec <= 1);
    } else if (!strcmp(what, "crash")) {
        release(&memory);
        *(volatile int *)8 = 1;
    }
    return 0;
}
