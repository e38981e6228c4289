#include "login_api.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "json_text.hpp"
#include "request_guard.hpp"

namespace trainbus {
namespace {

using nlohmann::json;
using Reply = std::function<void(Answer)>;

Answer session_answer(const LoginDesk& desk, const Person& person) {
  Answer answer;
  {  // closed before the answer moves away
    JsonObject(answer.body).add("user", person.name).add("role", page_role_name(person.role)).add("login", desk.asks());
  }
  return answer;
}

Answer answer_of(const LoginDesk& desk, const Entry& entry) {
  Answer answer = entry.person ? session_answer(desk, *entry.person) : refusal(entry.status, entry.why);
  answer.cookies = entry.cookies;
  answer.retry_after_sec = entry.retry_after_sec;
  return answer;
}

std::string text_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

void enter(LoginDesk& desk, const ApiRequest& request, const Credentials& from, const Reply& reply) {
  if (!is_json_content(request.content_type)) return reply(refusal(415, "a login must be application/json"));
  const json message = json::parse(request.body, nullptr, false);
  if (!message.is_object())
    return reply(refusal(400, "the body must be a JSON object with a token, or user and password"));
  if (!desk.asks()) return reply(session_answer(desk, {"", PageRole::kAdmin, ""}));
  if (const auto token = text_of(message, "token"); !token.empty())
    return reply(answer_of(desk, desk.enter_by_token(token, from, LoginDesk::Clock::now())));
  desk.enter_by_password(text_of(message, "user"), text_of(message, "password"), from, LoginAttempts::Clock::now(),
                         [&desk, reply](const Entry& entry) { reply(answer_of(desk, entry)); });
}

Answer leave(LoginDesk& desk, const ApiRequest& request, const Credentials& from) {
  Answer answer{.status = 204, .body = {}};
  answer.cookies.push_back(desk.leave(request.person, from));
  return answer;
}

}  // namespace

bool is_login_page_file(const RequestTarget& target) {
  constexpr std::array kFiles{"/login.js", "/login.css", "/favicon.svg"};
  return std::ranges::find(kFiles, target.path) != kFiles.end();
}

bool is_open(const RequestTarget& target) {
  return target.path == "/healthz" || target.path == "/api/login" || is_login_page_file(target);
}

bool answer_login(LoginDesk& desk, const ApiRequest& request, const Credentials& from, const Reply& reply) {
  const auto& path = request.target.path;
  if (path == "/api/login")
    request.post ? enter(desk, request, from, reply) : reply(wrong_method("POST"));
  else if (path == "/api/logout")
    reply(request.post ? leave(desk, request, from) : wrong_method("POST"));
  else if (path == "/api/session")
    reply(request.post ? wrong_method("GET") : session_answer(desk, request.person));
  else
    return false;
  return true;
}

Answer enter_by_url(LoginDesk& desk, std::string_view token, const Credentials& from) {
  const auto entry = desk.enter_by_token(token, from, LoginDesk::Clock::now());
  Answer answer{.status = 303, .body = {}};
  answer.location = entry.person ? "./" : "./#link-refused";  // relative: also below a base path
  answer.cookies = entry.cookies;
  return answer;
}

}  // namespace trainbus
