// Streams, events and graphs as streams.cpp and graphs.cpp share them.
#pragma once

#include "settings.h"

#include <set>

namespace emulator
{
struct Capture;

struct Stream
{
    int id = 0;
    bool blocking = false;
    std::uint64_t tick = 0;
    Clock clock;
    Capture* capture = nullptr;
    Clock captured;
};

struct Event
{
    bool timing = false, recorded = false;
    Clock clock;
    double milliseconds = 0;
    Capture* capture = nullptr;
    int capture_record = -1;
    Clock captured;
};

struct Node
{
    enum Kind { Run, Record, Wait } kind;
    int stream;   // 0 is the stream that captures
    int record;   // of Record and Wait
    const char* what;
    std::function<int(const Work&)> work;
    std::string told;
};

struct Capture
{
    Stream* origin = nullptr;
    bool relaxed = false, invalid = false;
    std::vector<Stream*> streams;
    std::vector<Node> nodes;
    int records = 0;
};

struct Graph
{
    std::vector<Node> nodes;
    int streams = 0, records = 0;
};

struct Executable
{
    Graph graph;
    std::vector<std::unique_ptr<Stream>> streams;
    Clock done;
};

extern std::set<Stream*> streams;
extern std::set<Event*> events;
extern std::set<Graph*> graphs;
extern std::set<Executable*> executables;
// What the host knows to be done.
extern Clock host;
// The legacy default stream, which the handle 0 names.
extern Stream legacy;
extern int stream_count;

// The stream of a handle, or null.
Stream* find_stream(void* handle);
int bad(const char* call, const char* what, void* handle);
int run_on(Stream& stream, const char* what, const std::function<int(const Work&)>& run, const std::string& told, std::uint64_t graph_launch = 0);
// A call that a capture does not survive.
int invalidate(Stream& stream, const char* call);
}
