#pragma once
// The answers to /healthz, /metrics and /api, as README.md describes them. Belongs to the asio thread.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "../login/sessions.hpp"
#include "request_target.hpp"

namespace trainbus {

struct Site;

struct Answer {
  unsigned status = 200;
  std::string body;
  std::string_view content_type = "application/json";
  std::string_view allow = {};            // with 405
  int retry_after_sec = 0;                // with 429
  bool lasting = false;                   // the same for ever: a browser may keep it
  std::string location = {};              // with 303
  std::vector<std::string> cookies = {};  // values of Set-Cookie
};
Answer refusal(unsigned status, std::string_view why);
Answer wrong_method(std::string_view allowed);  // `allowed`: the one that would be taken

struct ApiRequest {
  bool post = false;  // else GET
  RequestTarget target;
  std::string_view content_type;
  std::string_view body;
  std::string client;  // address
  Person person = {};  // who asks
};

// True for the paths that are not files.
bool is_api(const RequestTarget& target);

// Calls `reply` once, in the asio thread: at once, or when the broker has answered.
void answer_api(Site& site, const ApiRequest& request, std::function<void(Answer)> reply);

}  // namespace trainbus
