/* A small libnvidia-ml.so.1: three devices, of which this process uses the last two. FAKE_NVML says what fails:
   "none" (no device), "init", "names", "busy" (no utilization), "memory" (not available), "list" (no processes).
   FAKE_NVML_V1 at compile time: as before driver 450, with the first version of the list of processes only. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OK = 0, NOT_SUPPORTED = 3, INSUFFICIENT_SIZE = 7, UNKNOWN = 999, OTHERS = 70 };

static int fails(const char* what) {
  const char* said = getenv("FAKE_NVML");
  return said != NULL && strcmp(said, what) == 0;
}

static int device_number(void* device) { return (int)((char*)device - (char*)0x1000); }

int nvmlInit_v2(void) { return fails("init") ? UNKNOWN : OK; }
int nvmlShutdown(void) { return OK; }
int nvmlDeviceGetCount_v2(unsigned* count) {
  *count = fails("none") ? 0 : 3;
  return OK;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  *device = (char*)0x1000 + index;
  return OK;
}
int nvmlDeviceGetName(void* device, char* name, unsigned length) {
  if (fails("names")) return UNKNOWN;
  strncpy(name, device_number(device) == 0 ? "Fake T4" : "Fake H100 80GB", length);
  return OK;
}
struct utilization {
  unsigned gpu, memory;
};
int nvmlDeviceGetUtilizationRates(void* device, struct utilization* rates) {
  if (fails("busy")) return NOT_SUPPORTED;
  rates->gpu = device_number(device) == 0 ? 99 : device_number(device) == 1 ? 30 : 75;
  rates->memory = 5;
  return OK;
}

struct process {
  unsigned pid;
  unsigned long long memory;
#ifndef FAKE_NVML_V1
  unsigned gpu_instance, compute_instance;
#endif
};
/* Many others first, so that the list has to be asked for again with more room. */
#ifdef FAKE_NVML_V1
int nvmlDeviceGetComputeRunningProcesses(
#else
int nvmlDeviceGetComputeRunningProcesses_v2(
#endif
    void* device, unsigned* count, struct process* processes) {
  if (fails("list")) return UNKNOWN;
  const unsigned all = device_number(device) == 0 ? OTHERS : OTHERS + 1;
  const unsigned room = *count;
  *count = all;
  if (room < all) return INSUFFICIENT_SIZE;
  memset(processes, 0, sizeof *processes * all);
  for (unsigned i = 0; i < OTHERS; ++i) {
    processes[i].pid = 1;
    processes[i].memory = 1ull << 40;
  }
  if (all > OTHERS) {
    processes[OTHERS].pid = (unsigned)getpid();
    processes[OTHERS].memory = fails("memory") && device_number(device) == 2 ? ~0ull : 512ull << 20;
  }
  return OK;
}
