#include "part_compressor.hpp"

#include <spdlog/spdlog.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <vector>

#include "trainbus/heads_file.hpp"

namespace trainbus {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& why) {
  throw std::runtime_error('\'' + path + "': " + why);
}

// Everything of `in` that zstd takes, into `out`.
void compress_chunk(ZSTD_CCtx* context, ZSTD_inBuffer in, ZSTD_EndDirective how, std::vector<char>& buffer,
                    std::ofstream& out) {
  for (bool done = false; !done;) {
    ZSTD_outBuffer room{buffer.data(), buffer.size(), 0};
    const auto left = ZSTD_compressStream2(context, &room, &in, how);
    if (ZSTD_isError(left)) throw std::runtime_error(ZSTD_getErrorName(left));
    out.write(buffer.data(), static_cast<std::streamsize>(room.pos));
    done = how == ZSTD_e_end ? left == 0 : in.pos == in.size;
  }
}

}  // namespace

bool compress_file(const std::string& path, const std::stop_token& stop) {
  const auto fresh = path + ".zst.new", target = path + ".zst";
  std::ifstream in(path, std::ios::binary);
  std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
  if (!in || !out) fail(in ? fresh : path, std::strerror(errno));
  const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(), ZSTD_freeCCtx);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  std::vector<char> chunk(ZSTD_CStreamInSize()), buffer(ZSTD_CStreamOutSize());
  while (in && out && !stop.stop_requested()) {
    in.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    compress_chunk(context.get(), {chunk.data(), static_cast<std::size_t>(in.gcount()), 0},
                   in.eof() ? ZSTD_e_end : ZSTD_e_continue, buffer, out);
  }
  const bool whole = in.eof();
  out.close();
  if (!whole || !out || !sync_path(fresh)) {
    std::remove(fresh.c_str());
    if (stop.stop_requested()) return false;
    fail(fresh, "cannot be written");
  }
  if (std::rename(fresh.c_str(), target.c_str()) != 0 || !sync_path(std::filesystem::absolute(target).parent_path()))
    fail(target, std::strerror(errno));
  std::remove(path.c_str());
  return true;
}

PartCompressor::~PartCompressor() {
  thread_.request_stop();
  changed_.notify_all();
}

void PartCompressor::add(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (std::ranges::find(waiting_, path) != waiting_.end()) return;
  waiting_.push_back(path);
  changed_.notify_all();
  if (!thread_.joinable()) thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void PartCompressor::drain() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return waiting_.empty(); });
}

void PartCompressor::run(const std::stop_token& stop) {
  for (std::unique_lock lock(mutex_); changed_.wait(lock, stop, [this] { return !waiting_.empty(); });) {
    const auto path = waiting_.front();
    lock.unlock();
    try {
      if (!compress_file(path, stop)) return;
    } catch (const std::exception& error) {
      spdlog::warn("not compressed: {}", error.what());
    }
    lock.lock();
    waiting_.pop_front();
    changed_.notify_all();
  }
}

}  // namespace trainbus
