# What makes an error in a release program harder to use: position independence, canaries on the stack, checked copies,
# and tables that are read-only once the program runs. tests/install/hardened looks for each in what was built.
include(CheckPIESupported)
check_pie_supported()  # with CMAKE_POSITION_INDEPENDENT_CODE: programs link with -pie

add_compile_options($<$<CONFIG:Release>:-fstack-protector-strong> $<$<CONFIG:Release>:-U_FORTIFY_SOURCE>
                    $<$<CONFIG:Release>:-D_FORTIFY_SOURCE=2>)
add_link_options(-Wl,-z,relro,-z,now)
