// Asio's TLS, compiled once; only a program that speaks TLS links it.
#include <boost/asio/ssl/impl/src.hpp>
