#include "tls_files.hpp"

#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <stdexcept>
#include <utility>

namespace trainbus {
namespace {

namespace ssl = boost::asio::ssl;

template <class Use>
void use_file(const char* what, const std::string& path, const Use& use) {
  try {
    use();
  } catch (const boost::system::system_error& error) {
    throw std::runtime_error(std::string(what) + " '" + path + "': " + error.code().message());
  }
}

}  // namespace

TlsFiles::TlsFiles(std::string certificate, std::string key)
    : certificate_(std::move(certificate)), key_(std::move(key)), context_(read()) {}

std::unique_ptr<ssl::context> TlsFiles::read() const {
  struct stat found {};
  if (stat(key_.c_str(), &found) == 0 && (found.st_mode & S_IRWXO) != 0)
    throw std::runtime_error("--tls-key '" + key_ + "': everybody can read it; say chmod 600 " + key_);
  auto context = std::make_unique<ssl::context>(ssl::context::tls_server);
  context->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 | ssl::context::no_sslv3 |
                       ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1 | ssl::context::no_compression);
  use_file("--tls-cert", certificate_, [&] { context->use_certificate_chain_file(certificate_); });
  use_file("--tls-key", key_, [&] { context->use_private_key_file(key_, ssl::context::pem); });
  return context;
}

void TlsFiles::reload() {
  try {
    context_ = read();
    spdlog::info("read the certificate '{}' again", certificate_);
  } catch (const std::exception& error) {
    spdlog::error("the certificate stays as it was: {}", error.what());
  }
}

}  // namespace trainbus
