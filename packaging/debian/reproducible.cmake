# CPack reads SOURCE_DATE_EPOCH for the times in a package.
if(NOT DEFINED ENV{SOURCE_DATE_EPOCH})
  message(WARNING "SOURCE_DATE_EPOCH is not set: packages of the same sources will differ (use scripts/package)")
endif()
