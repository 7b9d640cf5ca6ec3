using System.Runtime.InteropServices;
using Engine.Formats;
using Engine.Layers;
using Engine.Tests.Training;

namespace Engine.Tests.Formats;

public sealed class StateDictionaryTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ReferenceDevice _device = new();

    private string Path => _folder["weights.safetensors"];

    public void Dispose()
    {
        _folder.Dispose();
        _device.Dispose();
    }

    [Fact]
    public void A_saved_model_loads_into_another_with_every_bit()
    {
        Module saved = new TinyNetwork().To(_device, seed: 1), loaded = new TinyNetwork().To(_device, seed: 2);
        ((TinyNetwork)saved).Counter.Value.Write<int>([17]);
        StateDictionary.Save(saved, Path);
        Assert.NotEqual(Numbers(saved), Numbers(loaded));
        StateDictionary.Load(loaded, Path);
        Assert.Equal(Numbers(saved), Numbers(loaded));
        Assert.Equal([17], ((TinyNetwork)loaded).Counter.Value.ToArray<int>());
    }

    [Fact]
    public void Filters_are_in_PyTorchs_order_in_the_file_and_counters_are_64_bits_wide()
    {
        TinyNetwork model = new(channels: 2, width: 3);
        model.To(_device);
        double[] inEngine = model.Convolution.Weight.Value.ToArray<double>();
        StateDictionary.Save(model, Path);

        using SafetensorsFile file = SafetensorsFile.Open(Path);
        SafetensorsEntry entry = file.Find("conv1.weight")!;
        Assert.Equal([3, 2, 3, 3], entry.Extents);
        ReadOnlySpan<double> inFile = MemoryMarshal.Cast<byte, double>(file.Read(entry));
        for (int k = 0; k < 3; k++)
        {
            for (int r = 0; r < 3; r++)
            {
                for (int s = 0; s < 3; s++)
                {
                    for (int c = 0; c < 2; c++)
                    {
                        Assert.Equal(inEngine[(((((k * 3) + r) * 3) + s) * 2) + c], inFile[(((((k * 2) + c) * 3) + r) * 3) + s]);
                    }
                }
            }
        }

        Assert.Equal([2, 3], file.Find("fc")!.Extents);
        Assert.Equal(StoredType.I64, file.Find("bn.num_batches_tracked")!.Type);
        Assert.Empty(file.Find("bn.num_batches_tracked")!.Extents);
    }

    [Fact]
    public void A_linear_layer_behind_a_flattened_image_has_its_columns_channels_first_in_the_file()
    {
        Linear layer = new(2 * 3 * 4, 2, image: new Shape(2, 3, 4));
        layer.To(_device, seed: 1);
        double[] inEngine = layer.Weight.Value.ToArray<double>();
        StateDictionary.Save(layer, Path);
        using (SafetensorsFile file = SafetensorsFile.Open(Path))
        {
            SafetensorsEntry entry = file.Find("weight")!;
            Assert.Equal([2, 24], entry.Extents);
            ReadOnlySpan<double> inFile = MemoryMarshal.Cast<byte, double>(file.Read(entry));
            for (int i = 0; i < inEngine.Length; i++)
            {
                (int output, int pixel, int channel) = (i / 24, i % 24 / 4, i % 4);
                Assert.Equal(inEngine[i], inFile[(output * 24) + (channel * 6) + pixel]);
            }
        }

        Linear other = new(2 * 3 * 4, 2, image: new Shape(2, 3, 4));
        other.To(_device, seed: 2);
        StateDictionary.Load(other, Path);
        Assert.Equal(inEngine, other.Weight.Value.ToArray<double>());
        Assert.Throws<ShapeException>(() => new Linear(24, 2, image: new Shape(2, 3, 5)));
    }

    [Fact]
    public void Half_and_single_precision_files_load_into_a_model_of_double_precision()
    {
        TinyNetwork model = new(channels: 1, classes: 1, width: 2);
        model.To(_device);
        Half[] half = [.. Enumerable.Range(0, 18).Select(i => (Half)(i * 0.25))];
        float[] single = [0.1f, -3];
        WriteWithHalves(half, single);
        StateDictionary.Load(model, Path);
        Assert.Equal(half.Select(h => (double)h), model.Convolution.Weight.Value.ToArray<double>());
        Assert.Equal(single.Select(f => (double)f), model.Linear.Value.ToArray<double>());
    }

    [Fact]
    public void Missing_unexpected_and_misshaped_entries_are_named_in_one_line_and_nothing_is_changed()
    {
        Module other = new TinyNetwork(channels: 3, classes: 5).To(_device, seed: 1);
        List<StoredTensor> contents = [.. StateDictionary.Contents(other).Where(c => c.Name != "conv1.bias")];
        contents.Add(new StoredTensor("layer9.weight", StoredType.U8, [1], () => [0]));
        SafetensorsWriter.Write(Path, contents);

        Module model = new TinyNetwork().To(_device, seed: 2);
        List<double[]> before = Numbers(model);
        EngineException error = Assert.Throws<EngineException>(() => StateDictionary.Load(model, Path));
        Assert.Equal(
            $"'{Path}' does not fit the model: 1 missing (conv1.bias); 1 unexpected (layer9.weight); "
            + "2 of another shape or type (fc [5, 4] instead of [2, 4], conv1.weight [4, 3, 3, 3] instead of [4, 1, 3, 3])",
            error.Message);
        Assert.Equal(before, Numbers(model));
    }

    [Fact]
    public void A_file_without_the_batch_counter_loads_because_old_ones_have_none()
    {
        Module saved = new TinyNetwork().To(_device, seed: 1), model = new TinyNetwork().To(_device, seed: 2);
        SafetensorsWriter.Write(Path, [.. StateDictionary.Contents(saved).Where(c => !c.Name.EndsWith("num_batches_tracked"))]);
        StateDictionary.Load(model, Path);
        Assert.Equal(Numbers(saved), Numbers(model));
    }

    private static List<double[]> Numbers(Module model) => [.. model.Parameters.Select(p => p.Parameter.Value.ToArray<double>())];

    private void WriteWithHalves(Half[] half, float[] single)
    {
        byte[] header = """
            {"conv1.weight":{"dtype":"F16","shape":[2,1,3,3],"data_offsets":[0,36]},"conv1.bias":{"dtype":"BF16","shape":[2],"data_offsets":[36,40]},"fc":{"dtype":"F32","shape":[1,2],"data_offsets":[40,48]}}
            """u8.ToArray();
        File.WriteAllBytes(
            Path,
            [.. BitConverter.GetBytes((long)header.Length), .. header, .. MemoryMarshal.AsBytes<Half>(half), 0x80, 0x3F, 0, 0,
                .. MemoryMarshal.AsBytes<float>(single)]);
    }
}
