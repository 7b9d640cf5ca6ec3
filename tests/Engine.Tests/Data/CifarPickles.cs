using System.Buffers.Binary;

namespace Engine.Tests.Data;

/// <summary>Pickles as those of CIFAR's archive for Python: protocol 2, written by Python 2 with numpy.</summary>
internal static class CifarPickles
{
    /// <summary>Makes one.</summary>
    /// <param name="records">Records of the binary archive.</param>
    /// <param name="labelKey">What the labels are called.</param>
    /// <param name="labelBytes">Bytes before the pixels of a record, of which the last is the label.</param>
    /// <param name="isFortran">Whether the array has its columns first.</param>
    public static byte[] Make(byte[] records, string labelKey, int labelBytes, bool isFortran)
    {
        int bytes = labelBytes + 3072, count = records.Length / bytes;
        byte[] data = new byte[count * 3072];
        for (int r = 0; r < count; r++)
        {
            for (int c = 0; c < 3072; c++)
            {
                data[isFortran ? (c * count) + r : (r * 3072) + c] = records[(r * bytes) + labelBytes + c];
            }
        }

        return
        [
            0x80, 2, .. "}q\u0001("u8, .. Text("batch_label"), .. Text("training batch 1 of 5"), .. Text(labelKey), .. "]q\u0002("u8,
            .. Enumerable.Range(0, count).SelectMany(r => (byte[])[(byte)'K', records[(r * bytes) + labelBytes - 1]]), (byte)'e',
            .. Text("data"), .. "cnumpy.core.multiarray\n_reconstruct\nq\u0003cnumpy\nndarray\nq\u0004K\0"u8, 0x85, .. "U\u0001b"u8, 0x87, .. "Rq\u0005(K\u0001"u8,
            .. Int(count), .. Int(3072), 0x86, .. "cnumpy\ndtype\nq\u0006U\u0002u1K\0K\u0001"u8, 0x87, .. "Rq\u0007(K\u0003U\u0001|NNNJ"u8, 0xFF, 0xFF, 0xFF, 0xFF, (byte)'J', 0xFF, 0xFF, 0xFF, 0xFF,
            .. "K\0tb"u8, isFortran ? (byte)0x88 : (byte)0x89, (byte)'T', .. Length(data.Length), .. data, .. "tb"u8, .. Text("filenames"), .. "]"u8, .. "u."u8,
        ];
    }

    private static byte[] Text(string text) => [(byte)'U', (byte)text.Length, .. System.Text.Encoding.ASCII.GetBytes(text)];

    private static byte[] Int(int value) => [(byte)'J', .. Length(value)];

    private static byte[] Length(int value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        return bytes;
    }
}
