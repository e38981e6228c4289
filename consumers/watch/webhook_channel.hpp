#pragma once
// An HTTP server that is posted each notice.

#include <memory>

#include "channel.hpp"

namespace trainbus {

// POST with Content-Type application/json on a connection of its own; `timeout` is for all of it: name, connection,
// TLS, answer. 2xx is delivered; what is tried again and what is refused: README.md. TLS checks the certificate and
// its name, against the system's authorities or those of `ca_file`. Redirections are not followed.
// Throws as make_channel().
std::unique_ptr<Channel> make_webhook_channel(const ChannelSpec& spec);

// What an answer means.
Attempt attempt_of_answer(unsigned status, const std::string& retry_after);

}  // namespace trainbus
