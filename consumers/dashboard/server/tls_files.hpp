#pragma once
// The server's certificate and key. Belongs to the asio thread.

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>

namespace trainbus {

class TlsFiles {
 public:
  // PEM: a chain that begins with the server's certificate, and its key, which others may not read. Throws
  // std::runtime_error with one line that names the file.
  TlsFiles(std::string certificate, std::string key);

  // For new connections; those that are open keep theirs.
  boost::asio::ssl::context& context() { return *context_; }
  // Reads the files again. What cannot be used is said in the log, and the context stays as it was.
  void reload();

 private:
  std::unique_ptr<boost::asio::ssl::context> read() const;

  const std::string certificate_, key_;
  std::unique_ptr<boost::asio::ssl::context> context_;
};

}  // namespace trainbus
