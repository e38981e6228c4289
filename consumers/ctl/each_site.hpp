#pragma once
// A verb that looks, at each of several brokers.

#include <functional>
#include <string>
#include <vector>

#include "trainbus/broker_site.hpp"
#include "verbs.hpp"

namespace trainbus {

// Runs `verb` with each broker as that of `ctl`, a heading before each output; the highest exit code. What goes wrong
// at one is a line, and the others go on. In JSON one object: {"sites":[{"site","broker","answer" or "error"}]}. A
// single broker is as ever: no heading, no array, and what it throws comes out.
int at_each_site(const std::vector<BrokerSite>& sites, CtlOptions& ctl, const std::function<int()>& verb);

// What is said of a verb that is for one broker.
std::string several_text(const std::vector<BrokerSite>& sites);

}  // namespace trainbus
