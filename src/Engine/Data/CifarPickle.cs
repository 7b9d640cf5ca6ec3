using System.Text;
using Engine.Formats;
using Engine.Formats.PyTorch;

namespace Engine.Data;

/// <summary>
/// Reads a file of CIFAR's Python archive: a pickled dictionary with numpy's array "data" of bytes, [records, 3072], and a list of labels. Nothing of the
/// file is run: it is the interpreter of PyTorch's files that reads it.
/// </summary>
internal static class CifarPickle
{
    private const int ImageBytes = 3072;

    /// <summary>Reads a file.</summary>
    /// <param name="path">How errors name it.</param>
    /// <param name="content">All of it.</param>
    /// <param name="labelKey">What the labels are called: labels, or fine_labels of CIFAR-100.</param>
    /// <param name="records">How many images it must have.</param>
    /// <returns>The images, each as three planes of 32x32, and their labels.</returns>
    /// <exception cref="EngineException">It is damaged, or no such file.</exception>
    public static (byte[] Planes, long[] Labels) Read(string path, byte[] content, string labelKey, int records)
    {
        try
        {
            using FileBytes bytes = new(path, content);
            PickleInput input = new(bytes, 0, content.Length);
            PickleReader reader = new(input, _ => throw new InvalidDataException("it refers to something outside of it"))
            {
                KeepsBytes = true,
                MaxMemory = (48L << 20) + (2L * content.Length) + (1000L * records),
            };
            if (reader.Read() is not PickleDict root)
            {
                throw new InvalidDataException("it is no dictionary");
            }

            byte[] planes = Planes(Find(root, "data"), records);
            long[] labels = Find(root, labelKey) is PickleList list ? [.. list.Items.Select(i => i is long label ? label : -1)] : throw Lacks(labelKey);
            return labels.Length == records ? (planes, labels) : throw new InvalidDataException($"it has {labels.Length:N0} labels; expected {records:N0}");
        }
        catch (InvalidDataException e)
        {
            throw new EngineException($"{path} is damaged or no file of CIFAR's Python archive: {e.Message}", e);
        }
    }

    private static InvalidDataException Lacks(string key) => new($"it lacks '{key}'");

    // Python 2 wrote the keys as texts; written again by Python 3 they may be bytes.
    private static object? Find(PickleDict root, string key) => root.Items
        .FirstOrDefault(i => i.Key as string == key || (i.Key is byte[] bytes && Encoding.ASCII.GetString(bytes) == key)).Value;

    // numpy's state: version, shape, type, whether columns come first, content.
    private static byte[] Planes(object? data, int records)
    {
        if (data is not PickleObject { State.Items: [_, PickleTuple { Items: [long rows, long columns] }, _, bool isFortran, byte[] content] })
        {
            throw data is null ? Lacks("data") : new InvalidDataException("its 'data' is no array of numpy");
        }

        if (rows != records || columns != ImageBytes || content.LongLength != rows * columns)
        {
            throw new InvalidDataException($"its 'data' has {rows:N0} x {columns:N0} numbers in {content.LongLength:N0} bytes; expected {records:N0} x {ImageBytes:N0} bytes");
        }

        if (!isFortran)
        {
            return content;
        }

        byte[] planes = new byte[content.Length];
        for (int column = 0, at = 0; column < ImageBytes; column++)
        {
            for (int row = 0; row < records; row++)
            {
                planes[(row * ImageBytes) + column] = content[at++];
            }
        }

        return planes;
    }
}
