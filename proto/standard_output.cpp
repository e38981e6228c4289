#include "standard_output.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iostream>

namespace trainbus {
namespace {

void fill_closed_descriptors() {
  // Read-only, so that a write says that there is no output.
  for (int fd = open("/dev/null", O_RDONLY); fd >= 0; fd = open("/dev/null", O_RDONLY)) {
    if (fd <= STDERR_FILENO) continue;
    close(fd);
    return;
  }
}

}  // namespace

StandardOutput::StandardOutput(std::string program) : program_(std::move(program)), before_(std::cout.rdbuf()) {
  fill_closed_descriptors();
  setp(buffer_.data(), buffer_.data() + buffer_.size());
  std::cout.flush();
  std::cout.rdbuf(this);
}

StandardOutput::~StandardOutput() {
  sync();
  std::cout.rdbuf(before_);
}

std::streambuf::int_type StandardOutput::overflow(int_type character) {
  if (sync() != 0) return traits_type::eof();
  if (traits_type::eq_int_type(character, traits_type::eof())) return traits_type::not_eof(character);
  return sputc(traits_type::to_char_type(character));
}

std::streamsize StandardOutput::xsputn(const char* text, std::streamsize count) {
  const auto size = static_cast<std::size_t>(count);
  if (count > epptr() - pptr()) {
    if (sync() != 0) return 0;
    if (size > buffer_.size()) return write_out(text, size) ? count : 0;
  }
  std::memcpy(pptr(), text, size);
  pbump(static_cast<int>(size));
  return failed_ ? 0 : count;
}

int StandardOutput::sync() {
  const auto waiting = static_cast<std::size_t>(pptr() - pbase());
  setp(buffer_.data(), buffer_.data() + buffer_.size());
  return write_out(buffer_.data(), waiting) ? 0 : -1;
}

bool StandardOutput::write_out(const char* text, std::size_t count) {
  while (!failed_ && count > 0) {
    const auto written = write(STDOUT_FILENO, text, count);
    if (written >= 0) {
      text += written;
      count -= static_cast<std::size_t>(written);
    } else if (errno != EINTR) {
      failed_ = true;
      std::cerr << program_ << ": cannot write to standard output: " << std::strerror(errno) << '\n';
    }
  }
  return !failed_;
}

}  // namespace trainbus
