// Carries the precompiled header; a library needs a source file.
namespace circuitd {}
