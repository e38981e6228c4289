#pragma once
// Addresses that mean another machine to each who says them.

#include <boost/asio/ip/address.hpp>

namespace trainbus {

// Of this host, or of its link, where a cloud has what its machines may know (169.254.169.254).
inline bool is_near(const boost::asio::ip::address& address) {
  using namespace boost::asio::ip;
  if (address.is_v6() && address.to_v6().is_v4_mapped()) return is_near(make_address_v4(v4_mapped, address.to_v6()));
  if (address.is_loopback() || address.is_unspecified()) return true;
  if (address.is_v6()) return address.to_v6().is_link_local();
  constexpr unsigned kLink = 0xa9fe;  // 169.254
  return address.to_v4().to_uint() >> 16 == kLink;
}

}  // namespace trainbus
