using Engine.Kernels.Interop;

namespace Engine.Kernels;

/// <summary>
/// A kernel of a program's own, launched on its device's stream in the order of the calls, and so also part of a step that the device records.
/// See <see cref="CudaDevice.Compile"/>.
/// </summary>
public sealed class CudaKernel
{
    private const int UsualBlockSize = 256;
    private const int SharedWithoutAsking = 48 * 1024;

    private readonly CudaDevice _device;
    private readonly IReadOnlyList<SourceParameter>? _parameters;
    private int _allowedShared = SharedWithoutAsking;

    internal CudaKernel(CudaDevice device, CudaFunction function, IReadOnlyList<SourceParameter>? parameters)
    {
        _device = device;
        _parameters = parameters;
        Function = function;
    }

    /// <summary>The driver's function: its registers, its shared memory, its occupancy, and launches on a stream of one's own.</summary>
    public CudaFunction Function { get; }

    /// <summary>Its name in the source.</summary>
    public string Name => Function.Name;

    /// <summary>
    /// Queues a launch of one thread for each of <paramref name="count"/> pieces of work, in blocks of 256; the last block has threads too many.
    /// </summary>
    /// <inheritdoc cref="Launch(long, LaunchOptions, ReadOnlySpan{LaunchArgument})"/>
    public void Launch(long count, params ReadOnlySpan<LaunchArgument> arguments) => Launch(count, new LaunchOptions(), arguments);

    /// <summary>Queues a launch of one thread for each of <paramref name="count"/> pieces of work; the last block has threads too many.</summary>
    /// <param name="count">Threads; nothing is launched for 0.</param>
    /// <param name="options">The blocks' size and shared memory.</param>
    /// <param name="arguments">
    /// One for each parameter, in order. A tensor is passed by its address and counts as written unless it is passed as
    /// <see cref="LaunchArguments.AsInput"/>. A number is converted to its parameter's type where the source says what that is.
    /// </param>
    /// <exception cref="EngineException">
    /// The arguments do not fit the parameters, a tensor lives on another device, or the launch exceeds the GPU's limits.
    /// </exception>
    public void Launch(long count, LaunchOptions options, params ReadOnlySpan<LaunchArgument> arguments)
    {
        if (count < 0)
        {
            throw new EngineException($"kernel {Name}: {count} threads were asked for; expected 0 or more");
        }

        _device.Enter();
        int most = Function.MaxThreadsPerBlock;
        int block = options.BlockSize ?? Math.Min(UsualBlockSize, most);
        if (block < 1 || block > most)
        {
            throw new EngineException($"kernel {Name}: block size {block} is not from 1 to {most}, the most that this kernel allows on {_device.Name}");
        }

        long blocks = ((count - 1) / block) + 1;
        if (blocks > int.MaxValue)
        {
            throw new EngineException($"kernel {Name}: {count:N0} threads are {blocks:N0} blocks of {block}; a GPU takes at most {int.MaxValue:N0}");
        }

        Queue(count == 0 ? 0 : (int)blocks, block, options.SharedBytes, arguments);
    }

    /// <summary>Queues a launch of a grid of the caller's choice, for kernels that share out their work by blocks.</summary>
    /// <param name="grid">Blocks, along up to three axes; nothing is launched where one is 0.</param>
    /// <param name="block">Threads of a block.</param>
    /// <param name="sharedBytes">Dynamic shared memory of each block, in bytes.</param>
    /// <param name="arguments">As for <see cref="Launch(long, LaunchOptions, ReadOnlySpan{LaunchArgument})"/>.</param>
    /// <exception cref="EngineException">As for <see cref="Launch(long, LaunchOptions, ReadOnlySpan{LaunchArgument})"/>.</exception>
    public void LaunchGrid(Dim3 grid, Dim3 block, int sharedBytes, params ReadOnlySpan<LaunchArgument> arguments) =>
        Queue(grid, block, sharedBytes, arguments);

    /// <summary>Its name.</summary>
    public override string ToString() => Name;

    private void Queue(Dim3 grid, Dim3 block, int sharedBytes, ReadOnlySpan<LaunchArgument> arguments)
    {
        using DeviceUse use = _device.Use();
        _device.Enter();
        if (sharedBytes < 0)
        {
            throw new EngineException($"kernel {Name}: {sharedBytes} bytes of shared memory were asked for; expected 0 or more");
        }

        if (_parameters is not null && arguments.Length != _parameters.Count)
        {
            throw new EngineException(
                $"kernel {Name} takes {_parameters.Count} arguments ({string.Join(", ", _parameters.Select(p => p.Text))}), but {arguments.Length} were given");
        }

        // All are checked before the first is marked as written.
        for (int i = 0; i < arguments.Length; i++)
        {
            ArgumentChecks.Check(Name, i, _parameters?[i], arguments[i], _device);
        }

        if (grid.X == 0 || grid.Y == 0 || grid.Z == 0)
        {
            return;
        }

        if (sharedBytes > _allowedShared)
        {
            Function.SetMaxDynamicSharedBytes(sharedBytes);
            _allowedShared = sharedBytes;
        }

        KernelArgument[] passed = new KernelArgument[arguments.Length];
        for (int i = 0; i < arguments.Length; i++)
        {
            passed[i] = arguments[i].Tensor is { } tensor
                ? arguments[i].IsInput ? tensor.ReadAddress : tensor.WriteAddress()
                : ArgumentChecks.Convert(_parameters?[i], arguments[i]);
        }

        Function.Launch(_device.Stream, grid, block, sharedBytes, passed);
    }
}
