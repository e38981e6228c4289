#include "request_guard.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <cctype>
#include <cmath>

#include "trainbus/endpoints.hpp"

namespace trainbus {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

// "[::1]:8080" -> "::1", "localhost:8080" -> "localhost"; empty when it is neither.
std::string host_of(std::string_view header) {
  std::string_view port;
  std::string_view host = header;
  if (header.starts_with('[')) {
    const auto end = header.find(']');
    if (end == std::string_view::npos) return {};
    host = header.substr(1, end - 1);
    port = header.substr(end + 1);
  } else if (const auto colon = header.find(':'); colon != std::string_view::npos) {
    host = header.substr(0, colon);
    port = header.substr(colon);
  }
  const bool port_ok = port.empty() || (port.front() == ':' && port.find_first_not_of("0123456789", 1) == port.npos);
  return port_ok ? lower(host) : std::string{};
}

bool is_address(const std::string& host) {
  boost::system::error_code error;
  boost::asio::ip::make_address(host, error);
  return !error;
}

// "127.example.com" begins like a loopback address and is a name that anybody can register.
bool is_loopback_name(const std::string& host) {
  return is_loopback(host) && (host == "localhost" || is_address(host));
}

}  // namespace

HostNames::HostNames(std::string listen_host, std::vector<std::string> allowed)
    : listen_host_(lower(listen_host)), allowed_(std::move(allowed)) {
  for (auto& name : allowed_)
    name = lower(name);
}

bool HostNames::answers_to(std::string_view header) const {
  const std::string host = host_of(header);
  if (host.empty()) return false;
  if (is_loopback_name(host) || host == listen_host_) return true;
  if (std::find(allowed_.begin(), allowed_.end(), host) != allowed_.end()) return true;
  return !is_loopback(listen_host_) && is_address(host);
}

bool origin_matches(std::string_view origin, std::string_view host) {
  if (origin.empty()) return true;
  for (const std::string_view scheme : {"http://", "https://"})
    if (origin.starts_with(scheme)) return lower(origin.substr(scheme.size())) == lower(host);
  return false;
}

bool is_json_content(std::string_view content_type) {
  const auto type = content_type.substr(0, content_type.find(';'));
  const auto end = type.find_last_not_of(" \t");
  return end != std::string_view::npos && lower(type.substr(0, end + 1)) == "application/json";
}

double RateLimit::tokens_at(const Bucket& bucket, Clock::time_point now) const {
  const double waited_sec = std::chrono::duration<double>(now - bucket.filled).count();
  return std::min(burst_, bucket.tokens + per_second_ * std::max(0.0, waited_sec));
}

bool RateLimit::allow(const std::string& client, Clock::time_point now) {
  auto found = buckets_.find(client);
  if (found == buckets_.end()) {
    if (buckets_.size() >= kMaxClients) forget_one(now);
    found = buckets_.emplace(client, Bucket{burst_, now}).first;
  }
  Bucket& bucket = found->second;
  bucket = {tokens_at(bucket, now), now};
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

void RateLimit::forget_one(Clock::time_point now) {
  buckets_.erase(std::max_element(buckets_.begin(), buckets_.end(), [&](const auto& a, const auto& b) {
    return tokens_at(a.second, now) < tokens_at(b.second, now);
  }));
}

int RateLimit::retry_after_sec() const { return std::max(1, static_cast<int>(std::ceil(1 / per_second_))); }

}  // namespace trainbus
