#include "bus_context.hpp"

#include <pthread.h>

#include <atomic>
#include <mutex>
#include <new>

namespace trainbus {
namespace {

constexpr int kMaxSockets = 16384;  // a load generator has three per trainer

struct SharedContext {
  std::mutex mutex;
  std::weak_ptr<zmq::context_t> context;
};

std::atomic<unsigned> generation{0};

SharedContext& shared() {
  static SharedContext instance;
  return instance;
}

// The parent's context, and a mutex that may be locked, stay behind as they are.
void on_fork_in_child() {
  generation.fetch_add(1, std::memory_order_relaxed);
  new (&shared()) SharedContext;
}

void watch_forks() {
  static const int installed = pthread_atfork(nullptr, nullptr, on_fork_in_child);
  (void)installed;
}

// One frame; false when the socket takes none now.
bool send_frame(zmq::socket_t& socket, zmq::message_t& frame, zmq::send_flags flags) {
  for (;;) {
    try {
      return socket.send(frame, flags).has_value();
    } catch (const zmq::error_t& error) {
      if (error.num() != EINTR) throw;
    }
  }
}

}  // namespace

std::shared_ptr<zmq::context_t> shared_bus_context() {
  watch_forks();
  const std::lock_guard lock(shared().mutex);
  auto context = shared().context.lock();
  if (context == nullptr) {
    context = std::make_shared<zmq::context_t>(1);
    context->set(zmq::ctxopt::max_sockets, kMaxSockets);
    shared().context = context;
  }
  return context;
}

unsigned process_generation() {
  watch_forks();
  return generation.load(std::memory_order_relaxed);
}

bool send_record(zmq::socket_t& socket, std::string_view topic, zmq::message_t body) {
  zmq::message_t first(topic.data(), topic.size());
  if (!send_frame(socket, first, zmq::send_flags::dontwait | zmq::send_flags::sndmore)) return false;
  return send_frame(socket, body, zmq::send_flags::dontwait);
}

}  // namespace trainbus
