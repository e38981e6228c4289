// metered_trainer BROKER: a trainer that makes steps until it is killed, and logs perf records without resources.
#include <chrono>
#include <thread>

#include "trainbus/producer.hpp"

int main(int, char** argv) {
  trainbus::Producer bus({.run = "r", .trainer = "t", .broker = argv[1], .spool_dir = {}});
  bus.start({});
  for (;;) {
    bus.log_batch({}, {}, false);
    bus.log_perf({});
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}
