#pragma once
// /api/login, /api/logout, /api/session, and the token in a URL, as README.md describes them. Belongs to the asio
// thread.

#include <functional>

#include "../login/login_desk.hpp"
#include "api.hpp"

namespace trainbus {

// True for what is answered before a login: /healthz, /api/login, and the files of the login page.
bool is_open(const RequestTarget& target);
bool is_login_page_file(const RequestTarget& target);

// Answers what is of the login, at once or when a password has been compared; false: it is not.
bool answer_login(LoginDesk& desk, const ApiRequest& request, const Credentials& from,
                  const std::function<void(Answer)>& reply);

// Of "/?token=...": leads to the page without it, whether the token was good or not.
Answer enter_by_url(LoginDesk& desk, std::string_view token, const Credentials& from);

}  // namespace trainbus
