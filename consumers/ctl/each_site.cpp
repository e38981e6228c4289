#include "each_site.hpp"

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

namespace trainbus {
namespace {

// Takes what is printed meanwhile.
class Printed {
 public:
  Printed() : before_(std::cout.rdbuf(text_.rdbuf())) {}
  ~Printed() { std::cout.rdbuf(before_); }
  Printed(const Printed&) = delete;
  Printed& operator=(const Printed&) = delete;
  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::streambuf* before_;
};

// One object, or one a line.
nlohmann::json parsed(const std::string& text) {
  if (auto whole = nlohmann::json::parse(text, nullptr, false); !whole.is_discarded()) return whole;
  auto objects = nlohmann::json::array();
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    objects.push_back(nlohmann::json::parse(line));
  return objects;
}

nlohmann::json answer_of(const BrokerSite& site, const std::function<int()>& verb, int& code) {
  nlohmann::json answer{{"site", site.name}, {"broker", site.address}};
  const Printed printed;
  try {
    code = std::max(code, verb());
    answer["answer"] = parsed(printed.text());
  } catch (const std::exception& error) {
    code = std::max(code, 1);
    answer["error"] = error.what();
  }
  return answer;
}

void print(const BrokerSite& site, const std::function<int()>& verb, int& code) {
  std::cout << "== " << site.name << "  " << site.address << std::endl;
  try {
    code = std::max(code, verb());
  } catch (const std::exception& error) {
    std::cerr << "trainbus-ctl: " << site.name << ": " << error.what() << '\n';
    code = std::max(code, 1);
  }
}

}  // namespace

int at_each_site(const std::vector<BrokerSite>& sites, CtlOptions& ctl, const std::function<int()>& verb) {
  int code = 0;
  auto answers = nlohmann::json::array();
  for (const auto& site : sites) {
    ctl.broker = site.address;
    if (sites.size() == 1) return verb();
    if (ctl.json)
      answers.push_back(answer_of(site, verb, code));
    else
      print(site, verb, code);
  }
  if (ctl.json)
    std::cout << nlohmann::json{{"sites", answers}}.dump(2, ' ', false, nlohmann::json::error_handler_t::replace)
              << std::endl;
  return code;
}

std::string several_text(const std::vector<BrokerSite>& sites) {
  std::string names;
  for (const auto& site : sites)
    names += (names.empty() ? "" : ", ") + site.name;
  return "several brokers are given, and this is for one: say which by --site NAME (" + names + ')';
}

}  // namespace trainbus
