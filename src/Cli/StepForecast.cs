using Engine.Kernels;
using Engine.Kernels.Prediction;
using Engine.Layers;
using Engine.Models;

namespace Engine.Cli;

/// <summary>What a benchmark is expected to measure on a GPU, from the launches that it would make there.</summary>
/// <param name="Prediction">The step's time.</param>
/// <param name="BatchSize">Images in a batch.</param>
/// <param name="PeakDeviceBytes">The memory in use and set apart for the recorded step, as a benchmark counts it.</param>
/// <param name="Plans">From where the convolutions' engines are known, in one line.</param>
internal sealed record StepForecast(StepPrediction Prediction, int BatchSize, long PeakDeviceBytes, string Plans)
{
    /// <summary>Images a second.</summary>
    public double ImagesPerSecond => BatchSize / Prediction.Seconds;

    /// <summary>Runs a step of a network on a GPU that is only described.</summary>
    /// <param name="network">The network; it need not have numbers, and keeps those that it has.</param>
    /// <param name="gpu">The GPU.</param>
    /// <param name="precision">In what arithmetic.</param>
    /// <param name="batchSize">Images in a batch.</param>
    /// <param name="isTraining">Whether it is a whole training step.</param>
    /// <exception cref="EngineException">The step does not fit the GPU's memory.</exception>
    public static StepForecast Make(Network network, GpuDescription gpu, CudaPrecision precision, int batchSize, bool isTraining) =>
        Make(network, CudaDevice.Describe(gpu, precision), gpu, batchSize, isTraining);

    /// <summary>The same on a device that describes the GPU, which is disposed.</summary>
    public static StepForecast Make(Network network, CudaDevice device, GpuDescription gpu, int batchSize, bool isTraining)
    {
        using CudaDevice disposed = device;
        using MetaScope scope = new(network, device);
        network.Train(isTraining);
        using Tensor images = Tensor.Create(device, network.InputShape(batchSize), device.ActivationType);
        using Tensor labels = Tensor.Create(device, new Shape(batchSize), DataType.Int32);
        using SyntheticStep step = new(network, images, labels, isTraining);

        // As a benchmark does it: gradients and bfloat16 copies get their memory by a step that runs, the next one is recorded.
        step.Run();
        using CapturedStep recorded = device.Capture(step.Run);
        device.Memory.ResetPeak();
        return new StepForecast(StepPrediction.Of(gpu, recorded.Nodes), batchSize, device.Memory.PeakUsedBytes, device.PlansFrom);
    }
}
