using System.Buffers.Binary;
using Engine.Kernels.Cubin;

namespace Engine.Kernels.Tests;

/// <summary>
/// What is read of cubins, against what ptxas -v and cuobjdump -res-usage say of them. Cubin/known.cu was compiled by NVRTC 11.8 and 12.4.
/// </summary>
public sealed class CubinTests
{
    [Theory]
    [InlineData("nvrtc-11.8-sm_80", 12, 4096, 372)]
    [InlineData("nvrtc-11.8-sm_90", 14, 4096, 548)]
    [InlineData("nvrtc-12.4-sm_80", 12, 4096, 372)]
    [InlineData("nvrtc-12.4-sm_90", 14, 4096, 548)]
    public void Registers_frame_shared_memory_and_parameters_are_those_that_the_assembler_tells(string file, int registers, int shared, int constants)
    {
        CubinFile cubin = CubinFile.Read(Image(file), file);
        Assert.Equal(file.EndsWith("80", StringComparison.Ordinal) ? new Version(8, 0) : new Version(9, 0), cubin.ComputeCapability);
        Assert.False(cubin.IsArchitectureSpecific);
        Assert.Equal(
            [
                new KernelResources("framed", 17, 160, 0, constants, 20, 0),
                new KernelResources("plain", 10, 0, 0, constants, 20, 0),
                new KernelResources("shared_4096", registers, 0, shared, constants - 4, 16, 256),
            ],
            cubin.Kernels);
    }

    // The header of CUDA 13's cubins, as nvcc 13.1 writes it: another ABI, the architecture in the second byte of the flags. From sm_90 on the
    // sections' sh_info has no registers; to see that nothing is read from there, it is filled with nonsense.
    [Theory]
    [InlineData("nvrtc-12.4-sm_80", 0x06005004u, false)]
    [InlineData("nvrtc-12.4-sm_90", 0x06005a02u, false)]
    [InlineData("nvrtc-12.4-sm_90", 0x06005a0au, true)]
    public void The_layout_of_CUDA_13_is_read(string file, uint flags, bool isSpecific)
    {
        byte[] image = Image(file);
        image[7] = 0x41;
        image[8] = 8;
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(0x30), flags);
        int table = (int)BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(0x28));
        for (int i = 0; i < BinaryPrimitives.ReadUInt16LittleEndian(image.AsSpan(0x3c)); i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(table + (64 * i) + 0x2c), 0x63000000);
        }

        CubinFile old = CubinFile.Read(Image(file), file);
        CubinFile cubin = CubinFile.Read(image, file);
        Assert.Equal(old.ComputeCapability, cubin.ComputeCapability);
        Assert.Equal(isSpecific, cubin.IsArchitectureSpecific);
        Assert.Equal(old.Kernels, cubin.Kernels);
    }

    [Fact]
    public void Flags_of_CUDA_12_mark_an_architecture_of_its_own()
    {
        byte[] image = Image("nvrtc-12.4-sm_90");
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(0x30), 0x5a0d5a);
        Assert.True(CubinFile.Read(image, "sm_90a").IsArchitectureSpecific);
    }

    [Fact]
    public void A_file_cut_short_anywhere_is_refused_with_a_line()
    {
        byte[] image = Image("nvrtc-12.4-sm_90");
        for (int length = 0; length < image.Length; length += 97)
        {
            // The last bytes are a table that only a loader reads.
            if (Record.Exception(() => CubinFile.Read(image.AsSpan(0, length), "short.cubin")) is { } exception)
            {
                Assert.StartsWith("short.cubin ", Assert.IsType<EngineException>(exception).Message);
            }
            else
            {
                Assert.True(length > image.Length - 1024, $"{length} of {image.Length} bytes were taken for a whole file");
            }
        }

        Assert.Contains("is no cubin", Assert.Throws<EngineException>(() => CubinFile.Read("not one"u8, "x")).Message);
    }

    [Fact]
    public void Bytes_that_are_wrong_never_lead_to_anything_but_a_line()
    {
        byte[] image = Image("nvrtc-12.4-sm_90");
        Random random = new(1);
        for (int i = 0; i < 3000; i++)
        {
            byte[] damaged = [.. image];
            for (int k = 0; k < 4; k++)
            {
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            }

            Exception? exception = Record.Exception(() => CubinFile.Read(damaged, "damaged.cubin"));
            Assert.True(exception is null or EngineException, $"try {i}: {exception}");
        }
    }

    // By cuda_occupancy.h: registers are dealt 256 at a time to a warp from a quarter of the 65,536.
    [Theory]
    [InlineData("8.0", 32, 0, 256, 8)]
    [InlineData("9.0", 33, 0, 256, 6)]
    [InlineData("9.0", 40, 0, 256, 6)]
    [InlineData("9.0", 48, 0, 256, 5)]
    [InlineData("9.0", 64, 0, 256, 4)]
    [InlineData("9.0", 76, 0, 256, 3)]
    [InlineData("9.0", 255, 0, 256, 1)]
    [InlineData("9.0", 255, 0, 512, 0)]
    [InlineData("9.0", 16, 0, 32, 32)]
    [InlineData("8.9", 16, 0, 32, 24)]
    [InlineData("8.6", 16, 0, 256, 6)]
    [InlineData("8.0", 32, 16384, 256, 8)]
    [InlineData("8.0", 32, 40960, 256, 4)]
    [InlineData("9.0", 32, 40960, 256, 5)]
    [InlineData("12.0", 32, 40960, 256, 2)]
    public void Blocks_of_a_multiprocessor_are_limited_by_threads_registers_and_shared_memory(
        string capability, int registers, int shared, int threads, int blocks)
    {
        KernelResources kernel = new("k", registers, 0, shared, 0, 0, threads);
        MultiprocessorLimits limits = MultiprocessorLimits.For(Version.Parse(capability));
        Assert.Equal(blocks, limits.BlocksPerMultiprocessor(kernel, threads));
        Assert.Equal((double)blocks * threads / limits.Threads, limits.Occupancy(kernel, threads), 12);
    }

    [Fact]
    public void An_architecture_that_is_not_known_is_named() =>
        Assert.Contains("7.5", Assert.Throws<EngineException>(() => MultiprocessorLimits.For(new Version(7, 5))).Message);

    private static byte[] Image(string file) => File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Cubin", $"{file}.cubin"));
}
