#pragma once
// An HTTP server that is posted each notice.

#include <memory>

#include "channel.hpp"

namespace trainbus {

// POST with Content-Type application/json on a connection of its own; `timeout` is for all of it: name, connection,
// TLS, answer, redirections. 2xx is delivered; what is tried again and what is refused: webhook_answer.hpp. TLS checks
// the certificate and its name, against the system's authorities or those of `ca_file`.
//
// A redirection is followed with the same POST, kMostRedirections times, but never from https to http. What is sent on
// is the notice, nothing of the URL. A web page at the end of it is no delivery: that is where people log in.
// Throws as make_channel().
inline constexpr int kMostRedirections = 5;
std::unique_ptr<Channel> make_webhook_channel(const ChannelSpec& spec);

}  // namespace trainbus
