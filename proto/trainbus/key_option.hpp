#pragma once
// The flag --key of every program that connects to a broker.

#include <CLI/CLI.hpp>
#include <string>

namespace trainbus {

// --key FILE: the key that this process shows the broker, before $TRAINBUS_KEY and the user's own; "off": none.
void add_key_option(CLI::App& app);

// Throws std::runtime_error with one line when a broker is there that does not take the key of this process, or wants
// one where there is none. A broker that is away, or silent, is no reason.
void require_key_taken(const std::string& broker);

}  // namespace trainbus
