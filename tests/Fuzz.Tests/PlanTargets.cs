using System.Text;
using Engine;
using Engine.Kernels;
using Engine.Kernels.Convolutions;
using Engine.Kernels.Interop;
using Engine.Kernels.Prediction;

namespace Fuzz.Tests;

/// <summary>Files of cuDNN's convolution plans, and descriptions of GPUs.</summary>
internal static class PlanTargets
{
    private static readonly ConvolutionKey Key = new(
        ConvolutionDirection.Forward, new Shape(1, 4, 4, 8), new Shape(8, 3, 3, 8), new Shape(1, 4, 4, 8), new ConvolutionGeometry(1, 1, 1, 1),
        CudnnDataType.Float32);

    /// <summary>Both formats.</summary>
    public static IEnumerable<FuzzTarget> All => [new("plans", ReadPlans, Plans), new("gpu-description", ReadGpu, Gpus)];

    private static void ReadPlans(byte[] bytes)
    {
        ConvolutionPlanFile file = ConvolutionPlanFile.Read(Scratch.Write("plans.json", bytes));
        foreach (ConvolutionPlanEntry entry in file.Entries)
        {
            if (entry.Plan is { } plan)
            {
                PlanJson.Check(plan, Key, accumulate: false);
            }

            ConvolutionPlanner.ReadKnobs(entry.Knobs);
            if (ConvolutionPlanEntry.TryRead(entry.ToJson()) is not { } again || !again.MakesTheSame(entry))
            {
                throw new FuzzFault($"'{entry.Identity}' is another after it was written");
            }
        }

        file.Write(Scratch.Path("written-plans.json"));
        if (ConvolutionPlanFile.Read(Scratch.Path("written-plans.json")) is { Problem: { } problem })
        {
            throw new FuzzFault($"what was written is not read again: {problem}");
        }
    }

    private static IEnumerable<byte[]> Plans()
    {
        const string beginning = """{"format":"engine convolution plans","version":1,"plans":[""";
        const string gpu = """{"gpu":"H100","cudnn":"9.1.0","precision":"fp32",""";
        const string entry = """
            "way":"graph","convolution":"forward fp32","milliseconds":0.5,"workspace":16,"engine":45,"knobs":"2=4 5=3","notes":[0],"behavior":[1],"plan":
            """;
        const string legacy = """ "way":"legacy","convolution":"c","milliseconds":null,"workspace":0,"algorithm":1,"math":2}]}""";
        const string plan = """
            {"operationGraph":{"nodes":[{"operation":"CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR",
            "X":"3","W":"2","Y":"1","alpha":1,"beta":0,"pad":[1,1],"stride":[1,1],"dilation":[1,1]}],"tensors":[
            {"name":"1","dataType":"CUDNN_DATA_FLOAT","isVirtual":false,"dim":[1,8,4,4],"stride":[128,1,32,8]},
            {"name":"2","dataType":"CUDNN_DATA_FLOAT","isVirtual":false,"dim":[8,8,3,3],"stride":[72,1,24,8]},
            {"name":"3","dataType":"CUDNN_DATA_FLOAT","isVirtual":false,"dim":[1,8,4,4],"stride":[128,1,32,8]}]}}
            """;
        return ((string[])["]}", $"{gpu}{entry}null}}]}}", $"{gpu}{entry}{plan}}}]}}", gpu + legacy]).Select(text => Encoding.UTF8.GetBytes(beginning + text));
    }

    private static void ReadGpu(byte[] bytes)
    {
        GpuDescription gpu = GpuDescription.Find(Scratch.Write("gpu.json", bytes));
        _ = gpu.ToJson();
        _ = gpu.DeviceProperties;
    }

    private static IEnumerable<byte[]> Gpus() => [Encoding.UTF8.GetBytes(GpuDescription.Find("h100").ToJson().ToJsonString())];
}
