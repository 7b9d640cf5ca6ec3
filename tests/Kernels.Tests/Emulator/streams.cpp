// Streams, events and graphs. Work runs at once, in the order of issue, which is always a legal order; whether the program also
// made it the only legal order is checked with vector clocks: every access must know all conflicting ones before it to be done.
#include "emulator.h"

#include <chrono>
#include <cstring>
#include <set>

using namespace emulator;

namespace
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
    std::chrono::steady_clock::time_point time;
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

struct Pending
{
    Stamp stamp;
    bool write = false;
    void* host = nullptr;
    std::vector<unsigned char> data;
};

std::set<Stream*> streams;
std::set<Event*> events;
std::set<Graph*> graphs;
std::set<Executable*> executables;
std::vector<Pending> pending;
Clock host;
Stream legacy;
int stream_count;

const char* intern(const char* text)
{
    static std::set<std::string> texts;
    return texts.insert(text).first->c_str();
}

Stream* find_stream(void* handle)
{
    Stream* stream = (Stream*)handle;
    return stream == nullptr ? &legacy : streams.count(stream) != 0 ? stream : nullptr;
}

int bad(const char* call, const char* what, void* handle) { return fail(BadHandle, "%s: %p is no %s, or one that was destroyed", call, handle, what); }

// The host has waited for something: copies to it arrive, and the sources of copies from it may be reused.
int host_learns(const Clock& clock)
{
    merge(host, clock);
    int status = Success;
    std::vector<Pending> rest;
    for (Pending& copy : pending)
    {
        if (host[copy.stamp.stream] < copy.stamp.tick)
        {
            rest.push_back(std::move(copy));
        }
        else if (copy.write)
        {
            std::memcpy(copy.host, copy.data.data(), copy.data.size());
        }
        else if (std::memcmp(copy.host, copy.data.data(), copy.data.size()) != 0)
        {
            status = fail(HostMemoryChanged, "the host changed the source of an asynchronous copy of %zu bytes before it waited for it", copy.data.size());
        }
    }

    pending.swap(rest);
    return status;
}

int run_on(Stream& stream, const char* what, const std::function<int(const Work&)>& run)
{
    if (broken() != Success)
    {
        return broken();
    }

    merge(stream.clock, host);
    // The legacy default stream and those made as blocking wait for each other.
    if (&stream == &legacy)
    {
        for (Stream* other : streams)
        {
            if (other->blocking)
            {
                merge(stream.clock, other->clock);
            }
        }
    }
    else if (stream.blocking)
    {
        merge(stream.clock, legacy.clock);
    }

    stream.clock[stream.id] = ++stream.tick;
    Work work;
    work.stamp.stream = stream.id;
    work.stamp.tick = stream.tick;
    work.stamp.what = intern(what);
    Clock clock = stream.clock;
    work.clock = &clock;
    return run(work);
}

int record_node(Stream& stream, Node node)
{
    Capture& capture = *stream.capture;
    int index = 0;
    while (capture.streams[index] != &stream)
    {
        index++;
    }

    node.stream = index;
    capture.nodes.push_back(std::move(node));
    stream.captured[stream.id] = capture.nodes.size();
    return Success;
}

int invalidate(Stream& stream, const char* call)
{
    stream.capture->invalid = true;
    return fail(CaptureUnsupported, "%s is not allowed while the stream captures", call);
}
}

namespace emulator
{
int submit(void* handle, const char* what, std::function<int(const Work&)> work)
{
    Stream* stream = find_stream(handle);
    if (stream == nullptr)
    {
        return bad(what, "stream", handle);
    }

    return stream->capture != nullptr ? record_node(*stream, {Node::Run, 0, 0, intern(what), std::move(work)}) : run_on(*stream, what, work);
}

int submit_now(const char* what, std::function<int(const Work&)> work)
{
    int status = unsafe_call(what);
    status = status == Success ? run_on(legacy, what, work) : status;
    int learnt = host_learns(legacy.clock);
    return status != Success ? status : learnt;
}

int host_read_later(const Work& work, const void* source, std::size_t bytes)
{
    const unsigned char* data = (const unsigned char*)source;
    pending.push_back({work.stamp, false, (void*)source, std::vector<unsigned char>(data, data + bytes)});
    return Success;
}

int host_write_later(const Work& work, void* destination, const void* device, std::size_t bytes)
{
    const unsigned char* data = (const unsigned char*)device;
    pending.push_back({work.stamp, true, destination, std::vector<unsigned char>(data, data + bytes)});
    std::memset(destination, 0xfb, bytes);
    return Success;
}

int unsafe_call(const char* call)
{
    for (Stream* stream : streams)
    {
        if (stream->capture != nullptr && !stream->capture->relaxed)
        {
            return invalidate(*stream, call);
        }
    }

    return Success;
}

bool is_stream(void* stream) { return find_stream(stream) != nullptr; }

std::size_t live_handles() { return streams.size() + events.size() + graphs.size() + executables.size(); }

void reset_streams()
{
    streams.clear();
    events.clear();
    graphs.clear();
    executables.clear();
    pending.clear();
    host_learns(legacy.clock);
}
}

// ---- Streams ---------------------------------------------------------------------------------------------------------------

EMU_EXPORT int cuStreamCreateWithPriority(void** stream, unsigned flags, int)
{
    EMU_ENTER;
    std::unique_ptr<Stream> made(new Stream());
    made->id = ++stream_count;
    made->blocking = (flags & 1) == 0;
    *stream = made.get();
    streams.insert(made.release());
    return broken();
}

EMU_EXPORT int cuStreamDestroy_v2(void* handle)
{
    EMU_ENTER;
    Stream* stream = (Stream*)handle;
    if (streams.erase(stream) == 0)
    {
        return bad("cuStreamDestroy", "stream", handle);
    }

    // Its work still runs; the host knows nothing of its end, so the clock stays with what it wrote.
    delete stream;
    return Success;
}

EMU_EXPORT int cuStreamSynchronize(void* handle)
{
    EMU_ENTER;
    Stream* stream = find_stream(handle);
    if (stream == nullptr)
    {
        return bad("cuStreamSynchronize", "stream", handle);
    }

    if (stream->capture != nullptr)
    {
        return invalidate(*stream, "cuStreamSynchronize");
    }

    int status = host_learns(stream->clock);
    return broken() != Success ? broken() : status;
}

EMU_EXPORT int cuStreamQuery(void* handle) { return cuStreamSynchronize(handle); }

EMU_EXPORT int cuCtxSynchronize()
{
    EMU_ENTER;
    for (Stream* stream : streams)
    {
        if (stream->capture != nullptr)
        {
            return invalidate(*stream, "cuCtxSynchronize");
        }
    }

    Clock all = legacy.clock;
    for (Stream* stream : streams)
    {
        merge(all, stream->clock);
    }

    int status = host_learns(all);
    return broken() != Success ? broken() : status;
}

EMU_EXPORT int cuStreamIsCapturing(void* handle, int* status)
{
    EMU_ENTER;
    Stream* stream = find_stream(handle);
    *status = stream == nullptr || stream->capture == nullptr ? 0 : stream->capture->invalid ? 2 : 1;
    return stream == nullptr ? bad("cuStreamIsCapturing", "stream", handle) : Success;
}

// ---- Events ----------------------------------------------------------------------------------------------------------------

EMU_EXPORT int cuEventCreate(void** event, unsigned flags)
{
    EMU_ENTER;
    std::unique_ptr<Event> made(new Event());
    made->timing = (flags & 2) == 0;
    *event = made.get();
    events.insert(made.release());
    return broken();
}

EMU_EXPORT int cuEventDestroy_v2(void* handle)
{
    EMU_ENTER;
    if (events.erase((Event*)handle) == 0)
    {
        return bad("cuEventDestroy", "event", handle);
    }

    delete (Event*)handle;
    return Success;
}

EMU_EXPORT int cuEventRecord(void* handle, void* stream_handle)
{
    EMU_ENTER;
    Event* event = (Event*)handle;
    Stream* stream = find_stream(stream_handle);
    if (events.count(event) == 0 || stream == nullptr)
    {
        return bad("cuEventRecord", stream == nullptr ? "stream" : "event", stream == nullptr ? stream_handle : handle);
    }

    event->recorded = true;
    event->capture = stream->capture;
    if (stream->capture != nullptr)
    {
        event->capture_record = stream->capture->records++;
        record_node(*stream, {Node::Record, 0, event->capture_record, "cuEventRecord", nullptr});
        event->captured = stream->captured;
        return Success;
    }

    event->clock = stream->clock;
    event->time = std::chrono::steady_clock::now();
    return broken();
}

EMU_EXPORT int cuStreamWaitEvent(void* stream_handle, void* handle, unsigned)
{
    EMU_ENTER;
    Event* event = (Event*)handle;
    Stream* stream = find_stream(stream_handle);
    if (events.count(event) == 0 || stream == nullptr)
    {
        return bad("cuStreamWaitEvent", stream == nullptr ? "stream" : "event", stream == nullptr ? stream_handle : handle);
    }

    if (event->capture != nullptr)
    {
        // An event of a capture draws the waiting stream into it.
        if (stream->capture == nullptr)
        {
            stream->capture = event->capture;
            stream->captured.clear();
            stream->capture->streams.push_back(stream);
        }
        else if (stream->capture != event->capture)
        {
            return fail(CaptureUnsupported, "cuStreamWaitEvent: stream and event belong to different captures");
        }

        merge(stream->captured, event->captured);
        return record_node(*stream, {Node::Wait, 0, event->capture_record, "cuStreamWaitEvent", nullptr});
    }

    if (stream->capture != nullptr)
    {
        stream->capture->invalid = true;
        return fail(CaptureUnsupported, "cuStreamWaitEvent: a capturing stream cannot wait for an event recorded outside of the capture");
    }

    merge(stream->clock, event->clock);
    return broken();
}

EMU_EXPORT int cuEventSynchronize(void* handle)
{
    EMU_ENTER;
    Event* event = (Event*)handle;
    if (events.count(event) == 0)
    {
        return bad("cuEventSynchronize", "event", handle);
    }

    if (event->capture != nullptr)
    {
        return fail(907, "cuEventSynchronize: the event was last recorded in a capture, so it never happens");
    }

    int status = host_learns(event->clock);
    return broken() != Success ? broken() : status;
}

EMU_EXPORT int cuEventQuery(void* handle) { return cuEventSynchronize(handle); }

EMU_EXPORT int cuEventElapsedTime(float* milliseconds, void* start, void* end)
{
    EMU_ENTER;
    Event* first = (Event*)start;
    Event* last = (Event*)end;
    if (events.count(first) == 0 || events.count(last) == 0 || !first->timing || !last->timing || !first->recorded || !last->recorded)
    {
        return fail(BadHandle, "cuEventElapsedTime: both must be events with timing that were recorded");
    }

    *milliseconds = std::chrono::duration<float, std::milli>(last->time - first->time).count();
    return Success;
}

// ---- Graphs ----------------------------------------------------------------------------------------------------------------

EMU_EXPORT int cuStreamBeginCapture_v2(void* handle, int mode)
{
    EMU_ENTER;
    Stream* stream = find_stream(handle);
    if (stream == nullptr || stream == &legacy)
    {
        return bad("cuStreamBeginCapture", "stream that can capture", handle);
    }

    if (stream->capture != nullptr)
    {
        return invalidate(*stream, "cuStreamBeginCapture");
    }

    stream->capture = new Capture();
    stream->capture->origin = stream;
    stream->capture->relaxed = mode == 2;
    stream->capture->streams.push_back(stream);
    stream->captured.clear();
    return broken();
}

EMU_EXPORT int cuStreamEndCapture(void* handle, void** result)
{
    EMU_ENTER;
    Stream* stream = find_stream(handle);
    *result = nullptr;
    if (stream == nullptr || stream->capture == nullptr || stream->capture->origin != stream)
    {
        return fail(CaptureUnsupported, "cuStreamEndCapture: the stream did not begin a capture");
    }

    std::unique_ptr<Capture> capture(stream->capture);
    int status = capture->invalid ? fail(CaptureUnsupported, "cuStreamEndCapture: something not allowed was called during the capture") : (int)Success;
    for (Stream* other : capture->streams)
    {
        if (status == Success && other != stream && stream->captured[other->id] < other->captured[other->id])
        {
            status = fail(CaptureUnsupported, "cuStreamEndCapture: stream %d was drawn into the capture, but stream %d does not wait for the end of its work", other->id, stream->id);
        }

        other->capture = nullptr;
    }

    for (Event* event : events)
    {
        event->capture = event->capture == capture.get() ? nullptr : event->capture;
    }

    if (status == Success)
    {
        Graph* graph = new Graph{std::move(capture->nodes), (int)capture->streams.size(), capture->records};
        graphs.insert(graph);
        *result = graph;
    }

    return status;
}

EMU_EXPORT int cuGraphGetNodes(void* graph, void**, std::size_t* count)
{
    EMU_ENTER;
    if (graphs.count((Graph*)graph) == 0)
    {
        return bad("cuGraphGetNodes", "graph", graph);
    }

    *count = 0;
    for (const Node& node : ((Graph*)graph)->nodes)
    {
        *count += node.kind == Node::Run;
    }

    return Success;
}

EMU_EXPORT int cuGraphDestroy(void* graph)
{
    EMU_ENTER;
    if (graphs.erase((Graph*)graph) == 0)
    {
        return bad("cuGraphDestroy", "graph", graph);
    }

    delete (Graph*)graph;
    return Success;
}

EMU_EXPORT int cuGraphInstantiateWithFlags(void** result, void* graph, unsigned long long)
{
    EMU_ENTER;
    if (graphs.count((Graph*)graph) == 0)
    {
        return bad("cuGraphInstantiate", "graph", graph);
    }

    Executable* executable = new Executable();
    executable->graph = *(Graph*)graph;
    for (int i = 1; i < executable->graph.streams; i++)
    {
        executable->streams.emplace_back(new Stream());
        executable->streams.back()->id = ++stream_count;
    }

    executables.insert(executable);
    *result = executable;
    return Success;
}

EMU_EXPORT int cuGraphExecDestroy(void* executable)
{
    EMU_ENTER;
    if (executables.erase((Executable*)executable) == 0)
    {
        return bad("cuGraphExecDestroy", "executable graph", executable);
    }

    delete (Executable*)executable;
    return Success;
}

EMU_EXPORT int cuGraphUpload(void* executable, void* stream)
{
    EMU_ENTER;
    return executables.count((Executable*)executable) == 0 ? bad("cuGraphUpload", "executable graph", executable)
           : find_stream(stream) == nullptr                ? bad("cuGraphUpload", "stream", stream)
                                                           : broken();
}

EMU_EXPORT int cuGraphLaunch(void* handle, void* stream_handle)
{
    EMU_ENTER;
    Executable* executable = (Executable*)handle;
    Stream* stream = find_stream(stream_handle);
    if (executables.count(executable) == 0 || stream == nullptr)
    {
        return bad("cuGraphLaunch", stream == nullptr ? "stream" : "executable graph", stream == nullptr ? stream_handle : handle);
    }

    if (stream->capture != nullptr)
    {
        return invalidate(*stream, "cuGraphLaunch");
    }

    // Launches of one executable graph wait for each other.
    merge(stream->clock, executable->done);
    std::vector<Clock> records(executable->graph.records);
    int status = Success;
    for (const Node& node : executable->graph.nodes)
    {
        Stream& on = node.stream == 0 ? *stream : *executable->streams[node.stream - 1];
        if (node.kind == Node::Record)
        {
            merge(on.clock, host);
            records[node.record] = on.clock;
        }
        else if (node.kind == Node::Wait)
        {
            merge(on.clock, records[node.record]);
        }
        else
        {
            status = run_on(on, node.what, node.work);
        }

        if (status != Success)
        {
            return status;
        }
    }

    executable->done = stream->clock;
    return broken();
}
