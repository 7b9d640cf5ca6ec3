// Streams and events. Work runs at once, in the order of issue, which is always a legal order; whether the program also made it
// the only legal order is checked with vector clocks: every access must know all conflicting ones before it to be done.
#include "streams.h"

#include <cstring>

using namespace emulator;

namespace emulator
{
std::set<Stream*> streams;
std::set<Event*> events;
std::set<Graph*> graphs;
std::set<Executable*> executables;
Clock host;
Stream legacy;
int stream_count;

namespace
{
struct Pending
{
    Stamp stamp;
    bool write = false;
    void* host = nullptr;
    std::vector<unsigned char> data;
};

std::vector<Pending> pending;

const char* intern(const char* text)
{
    static std::set<std::string> texts;
    return texts.insert(text).first->c_str();
}

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
}

Stream* find_stream(void* handle)
{
    Stream* stream = (Stream*)handle;
    return stream == nullptr ? &legacy : streams.count(stream) != 0 ? stream : nullptr;
}

int bad(const char* call, const char* what, void* handle) { return fail(BadHandle, "%s: %p is no %s, or one that was destroyed", call, handle, what); }

int run_on(Stream& stream, const char* what, const std::function<int(const Work&)>& run, const std::string& told, std::uint64_t graph_launch)
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
    spend_time();
    trace(told, what, stream.id, graph_launch);
    return run(work);
}

int invalidate(Stream& stream, const char* call)
{
    stream.capture->invalid = true;
    return fail(CaptureUnsupported, "%s is not allowed while the stream captures", call);
}

int submit(void* handle, const char* what, std::function<int(const Work&)> work, std::string told)
{
    Stream* stream = find_stream(handle);
    if (stream == nullptr)
    {
        return bad(what, "stream", handle);
    }

    return stream->capture != nullptr ? record_node(*stream, {Node::Run, 0, 0, intern(what), std::move(work), std::move(told)})
                                      : run_on(*stream, what, work, told);
}

int submit_now(const char* what, std::function<int(const Work&)> work, std::string told)
{
    int status = unsafe_call(what);
    status = status == Success ? run_on(legacy, what, work, told) : status;
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

int& capture_mode()
{
    static thread_local int mode;
    return mode;
}

int unsafe_call(const char* call)
{
    for (Stream* stream : streams)
    {
        if (capture_mode() != 2 && stream->capture != nullptr && !stream->capture->relaxed)
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

EMU_EXPORT int cuStreamQuery(void* handle)
{
    EMU_ENTER;
    return cuStreamSynchronize(handle);
}

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
        record_node(*stream, {Node::Record, 0, event->capture_record, "cuEventRecord", nullptr, ""});
        event->captured = stream->captured;
        return Success;
    }

    event->clock = stream->clock;
    event->milliseconds = milliseconds_now();
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
        return record_node(*stream, {Node::Wait, 0, event->capture_record, "cuStreamWaitEvent", nullptr, ""});
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

EMU_EXPORT int cuEventQuery(void* handle)
{
    EMU_ENTER;
    return cuEventSynchronize(handle);
}

EMU_EXPORT int cuEventElapsedTime(float* milliseconds, void* start, void* end)
{
    EMU_ENTER;
    Event* first = (Event*)start;
    Event* last = (Event*)end;
    if (events.count(first) == 0 || events.count(last) == 0 || !first->timing || !last->timing || !first->recorded || !last->recorded)
    {
        return fail(BadHandle, "cuEventElapsedTime: both must be events with timing that were recorded");
    }

    *milliseconds = (float)(last->milliseconds - first->milliseconds);
    return Success;
}
