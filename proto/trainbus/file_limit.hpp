#pragma once
// How many files this process may have open.

#include <cstddef>

namespace trainbus {

// Raises the soft limit to the hard one (a shell's is often 1,024) and gives the limit that is then in force. Where
// that is unlimited, or beyond a million, a million: nothing here can have more.
std::size_t raise_file_limit();

}  // namespace trainbus
