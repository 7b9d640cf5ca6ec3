using System.Buffers.Binary;
using Engine.Layers;
using Engine.Tensors;

namespace Engine.Formats;

/// <summary>
/// Saves and loads a module's named parameters and buffers as a safetensors file, in PyTorch's names, order and shapes, so that
/// <c>load_state_dict(safetensors.torch.load_file(path))</c> takes it as it is.
/// </summary>
public static class StateDictionary
{
    /// <summary>The name of batch norm's counter, which files made before PyTorch 0.4.1 do not have.</summary>
    private const string CounterName = "num_batches_tracked";

    /// <summary>Writes all parameters and buffers to a file, atomically.</summary>
    /// <exception cref="EngineException">The file cannot be written, or the model has no numbers yet.</exception>
    public static void Save(Module model, string path, IReadOnlyDictionary<string, string>? metadata = null) =>
        SafetensorsWriter.Write(path, Contents(model), metadata);

    /// <summary>Replaces all parameters and buffers by those of a file, which must have exactly these names and shapes.</summary>
    /// <exception cref="EngineException">
    /// The file cannot be read, or it lacks an entry, has one too many, or has one of another shape; the model is as it was then.
    /// </exception>
    public static void Load(Module model, string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Load(model, file);
    }

    /// <summary>Replaces all parameters and buffers by those entries of an open file whose names start with a prefix.</summary>
    /// <param name="model">A model that has been put on a device.</param>
    /// <param name="file">The file.</param>
    /// <param name="prefix">What stands before the model's own names in the file.</param>
    /// <exception cref="EngineException">The file does not fit the model, which is as it was then.</exception>
    public static void Load(Module model, SafetensorsFile file, string prefix = "") => Read(Tensors(model), file, prefix, mayMiss: false).Apply();

    /// <summary>All parameters and buffers as entries of a safetensors file, in PyTorch's order; the numbers are read when they are written.</summary>
    public static List<SafetensorsContent> Contents(Module model, string prefix = "") =>
        [.. Tensors(model).Select(t => Content(prefix + t.Name, t.Tensor, t.Order))];

    /// <summary>One tensor as an entry: filters in PyTorch's order, 32-bit counters as the 64-bit ones that PyTorch has.</summary>
    /// <param name="name">The entry's name.</param>
    /// <param name="tensor">The numbers.</param>
    /// <param name="order">What they mean: <see cref="Parameter.Order"/>.</param>
    internal static SafetensorsContent Content(string name, Tensor tensor, Shape order)
    {
        bool isCounter = tensor.Type == DataType.Int32;
        return new SafetensorsContent(
            name, isCounter ? SafetensorsType.I64 : SafetensorsTypes.Of(tensor.Type), FilterOrder.ToPyTorch(tensor.Shape), () =>
            {
                byte[] elements = new byte[tensor.ByteCount];
                tensor.Device.CopyToHost(tensor, elements);
                return isCounter ? Widen(elements) : FilterOrder.ToPyTorch(elements, tensor.Type.Size(), order);
            });
    }

    internal static List<NamedTensor> Tensors(Module model) => [.. model.Named().Select(n => new NamedTensor(n.Name, n.Parameter.Value, n.Parameter.Order))];

    /// <summary>Checks a file against tensors and reads what they shall hold, without changing them yet.</summary>
    /// <param name="tensors">The tensors by name.</param>
    /// <param name="file">The file.</param>
    /// <param name="prefix">What stands before the tensors' names in the file; other entries are left aside.</param>
    /// <param name="mayMiss">Whether tensors that the file does not have are left as they are, instead of being an error.</param>
    /// <exception cref="EngineException">The file does not fit.</exception>
    internal static PendingState Read(IReadOnlyList<NamedTensor> tensors, SafetensorsFile file, string prefix, bool mayMiss)
    {
        List<string> missing = [];
        List<string> misshaped = [];
        HashSet<string> unexpected = [.. file.Entries.Select(e => e.Name).Where(n => n.StartsWith(prefix, StringComparison.Ordinal))];
        List<(NamedTensor Tensor, SafetensorsEntry Entry)> pairs = [];
        foreach (NamedTensor named in tensors)
        {
            (string name, Tensor tensor, _) = named;
            unexpected.Remove(prefix + name);
            if (file.Find(prefix + name) is not { } entry)
            {
                if (!mayMiss && name.Split('.')[^1] != CounterName)
                {
                    missing.Add(name);
                }
            }
            else if (!entry.Extents.SequenceEqual(FilterOrder.ToPyTorch(tensor.Shape)))
            {
                misshaped.Add($"{name} {entry.ShapeText} instead of [{string.Join(", ", FilterOrder.ToPyTorch(tensor.Shape))}]");
            }
            else if (IsFloating(entry.Type) != tensor.Type.IsFloating())
            {
                misshaped.Add($"{name} of type {entry.Type} instead of {SafetensorsTypes.Of(tensor.Type)}");
            }
            else
            {
                pairs.Add((named, entry));
            }
        }

        List<string> complaints = [];
        Complain(complaints, missing, "missing");
        Complain(complaints, unexpected.Select(n => n[prefix.Length..]), "unexpected");
        Complain(complaints, misshaped, "of another shape or type");
        return complaints.Count > 0
            ? throw new EngineException($"'{file.Path}' does not fit the model: {string.Join("; ", complaints)}")
            : new PendingState([.. pairs.Select(p => (p.Tensor, p.Entry, file.Read(p.Entry)))]);
    }

    private static void Complain(List<string> complaints, IEnumerable<string> names, string what)
    {
        const int shown = 3;
        string[] all = [.. names];
        if (all.Length > 0)
        {
            string rest = all.Length > shown ? $" and {all.Length - shown} more" : "";
            complaints.Add($"{all.Length} {what} ({string.Join(", ", all.Take(shown))}{rest})");
        }
    }

    private static bool IsFloating(SafetensorsType type) =>
        type is SafetensorsType.F64 or SafetensorsType.F32 or SafetensorsType.F16 or SafetensorsType.BF16;

    private static byte[] Widen(byte[] elements)
    {
        byte[] wide = new byte[elements.Length * 2];
        for (int i = 0; i < elements.Length / 4; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(wide.AsSpan(i * 8), BinaryPrimitives.ReadInt32LittleEndian(elements.AsSpan(i * 4)));
        }

        return wide;
    }

    /// <summary>A tensor as a file names it.</summary>
    /// <param name="Name">The entry's name, without a prefix.</param>
    /// <param name="Tensor">The numbers.</param>
    /// <param name="Order">What the numbers mean: <see cref="Parameter.Order"/>.</param>
    internal readonly record struct NamedTensor(string Name, Tensor Tensor, Shape Order);

    /// <summary>What a file holds for some tensors, checked and read, but not yet written to them.</summary>
    internal sealed class PendingState(IReadOnlyList<(NamedTensor Tensor, SafetensorsEntry Entry, byte[] Elements)> writes)
    {
        /// <summary>Writes the numbers into the tensors, or into others of the same shapes that stand for these names.</summary>
        public void Apply(Func<string, Tensor>? redirect = null)
        {
            foreach ((NamedTensor named, SafetensorsEntry entry, byte[] elements) in writes)
            {
                Tensor tensor = redirect?.Invoke(named.Name) ?? named.Tensor;
                byte[] ordered = FilterOrder.FromPyTorch(elements, entry.Type.Size(), named.Order);
                if (entry.Type.ToDataType() == tensor.Type)
                {
                    tensor.MarkWritten();
                    tensor.Device.CopyFromHost(ordered, tensor);
                }
                else
                {
                    tensor.Write<double>(Decode(ordered, entry.Type));
                }
            }
        }

        private static double[] Decode(byte[] elements, SafetensorsType type)
        {
            double[] numbers = new double[elements.Length / type.Size()];
            for (int i = 0; i < numbers.Length; i++)
            {
                ReadOnlySpan<byte> at = elements.AsSpan(i * type.Size());
                numbers[i] = type switch
                {
                    SafetensorsType.F64 => BinaryPrimitives.ReadDoubleLittleEndian(at),
                    SafetensorsType.F32 => BinaryPrimitives.ReadSingleLittleEndian(at),
                    SafetensorsType.F16 => (double)BinaryPrimitives.ReadHalfLittleEndian(at),
                    SafetensorsType.BF16 => HostConversion.FromBFloat16(BinaryPrimitives.ReadUInt16LittleEndian(at)),
                    SafetensorsType.I64 => BinaryPrimitives.ReadInt64LittleEndian(at),
                    SafetensorsType.I32 => BinaryPrimitives.ReadInt32LittleEndian(at),
                    _ => at[0],
                };
            }

            return numbers;
        }
    }
}
