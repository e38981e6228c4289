#pragma once
// libzmq's questions about newcomers to a CURVE server (ZAP, RFC 27). Each may be answered later: its connection waits,
// and no other does.

#include <cstdint>
#include <string>
#include <vector>
#include <zmq.hpp>

namespace trainbus {

struct Handshake {
  zmq::message_t from, id;  // of the question
  std::string domain;       // which port, by its ZAP domain
  std::string address;      // the newcomer's
  std::string key;          // its public key in Z85; "": it has none
};

class Handshakes {
 public:
  // Asked about this context's sockets from now on. Before any of them is bound.
  void attach(zmq::context_t& context);
  // Readable while a question waits.
  zmq::socket_t& socket() { return socket_; }

  // False when none waits.
  bool next(Handshake& handshake);
  // 200: it is in, and its messages have its key as User-Id; 300: not now, it tries again; 400: it gives up; 500: none.
  void answer(Handshake& handshake, const std::string& status);

 private:
  zmq::socket_t socket_;
  std::vector<zmq::message_t> frames_;
};

}  // namespace trainbus
