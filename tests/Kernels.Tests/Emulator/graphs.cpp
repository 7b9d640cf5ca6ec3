// Graphs: work recorded from a stream, and from those drawn in by events, and run again in the same order.
#include "streams.h"

using namespace emulator;

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
            status = fail(
                CaptureUnsupported, "cuStreamEndCapture: stream %d was drawn into the capture, but stream %d does not wait for the end of its work", other->id,
                stream->id);
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

    static std::uint64_t launches;
    std::uint64_t launch = ++launches;
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
            status = run_on(on, node.what, node.work, node.told, launch);
        }

        if (status != Success)
        {
            return status;
        }
    }

    executable->done = stream->clock;
    return broken();
}
