// What ThreadSanitizer can't know: Debian's abseil is not built for it, so the reference counts of statuses that
// threads share look unsynchronised.
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() { return "race:absl::*::Status::Unref\n"; }
